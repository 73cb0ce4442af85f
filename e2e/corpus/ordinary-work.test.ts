// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { libraryPolicies } from "./lib/library-policies.ts";
import { ordinaryWork } from "./lib/ordinary-work.ts";

it("finds every script in one of the images", () => {
  const found = [...ordinaryWork("guest"), ...ordinaryWork("debian")];
  const files = readdirSync(join(import.meta.dirname, "work"));
  expect(found.map(({ name }) => `${name}.sh`).toSorted()).toEqual(files.toSorted());
  expect(found.filter(({ what }) => !what.endsWith("."))).toEqual([]);
});

it("finds the policies of a level", () => {
  const [guards, others] = [libraryPolicies(["guard"]), libraryPolicies(["observe", "strict"])];
  expect(guards.map(({ name }) => name)).toContain("kernel-modules");
  expect(others.length).toBeGreaterThan(guards.length);
  expect(guards.filter((one) => others.includes(one))).toEqual([]);
});
