// SPDX-License-Identifier: Apache-2.0
// SECURITY.md names the tests of each promise: they are there.
import { globSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const repository = resolve(import.meta.dirname, "../..");
const files = globSync("{e2e,bpf,packages,fuzz}/**/*.{test,kernel-test,e2e}.ts", {
  cwd: repository,
  exclude: (path) => path.includes("node_modules"),
});

const rows = readFileSync(resolve(repository, "SECURITY.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| promise"))
  .map((line) => line.split(" | "));

/** `bypass`, `bpf/test/unknown`, `manifest.test.ts`, `unguarded-*`: files that are meant. */
function named(reference: string): string[] {
  const end = /\.ts$/.test(reference) ? reference : `${reference}.kernel-test.ts`;
  const pattern = new RegExp(`(^|/)${end.replaceAll(".", "\\.").replaceAll("*", "[^/]*")}$`);
  return files.filter((file) => pattern.test(reference.includes("/") ? file : basename(file)));
}

describe("SECURITY.md", () => {
  it("has a table of promises", () => expect(rows.length).toBeGreaterThan(15));

  it.each(rows)("names tests that are there: %s", (promise, tests = "") => {
    const references = [...tests.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
    const missing = references.filter(
      (name) => !name.startsWith("make ") && named(name).length === 0,
    );
    expect(missing, promise).toEqual([]);
    expect(references.length, promise).toBeGreaterThan(0);
  });
});
