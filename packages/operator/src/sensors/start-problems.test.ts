// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { StartProblems } from "./start-problems.ts";

it("keeps the last reason of a node until its sensor starts, or was silent for too long", () => {
  let now = 0;
  const problems = new StartProblems(() => now);
  problems.add("a", "first");
  problems.add("b", "other");
  now = 10 * 60_000;
  problems.add("a", "last");
  expect([...problems.all()]).toEqual([
    ["a", "last"],
    ["b", "other"],
  ]);
  now = 16 * 60_000;
  expect([problems.of("a"), problems.of("b")]).toEqual(["last", undefined]);
  problems.forget("a");
  expect([...problems.all()]).toEqual([]);
});
