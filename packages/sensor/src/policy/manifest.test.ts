// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createManifestFile, type Manifest } from "./manifest.ts";

const folder = mkdtempSync(join(tmpdir(), "manifest-"));
afterAll(() => rmSync(folder, { recursive: true }));

const manifest: Manifest = {
  kernelId: "a",
  side: 1,
  nextPolicyId: 3,
  policies: [],
  rules: [],
  hits: { totals: [[1, 2n ** 63n]], counting: [] },
  sets: [[1, { kind: "ints", values: [1n, 2n ** 64n - 1n] }]],
  follow: [[0, { pids: [1] }]],
  groups: [[1, ["a"]]],
  past: { since: 5, totals: [] },
};

describe("createManifestFile", () => {
  it("gives back what was saved, numbers of 64 bits as well", () => {
    const file = createManifestFile(join(folder, "new", "manifest"));
    expect(file.load()).toBeUndefined();
    file.save(manifest);
    expect(file.load()).toEqual(manifest);
    file.remove();
    expect(file.load()).toBeUndefined();
  });

  it.each([
    ["is empty", () => ""],
    ["is cut", (text: string) => text.slice(0, -5)],
    ["was changed", (text: string) => text.replace('"a"', '"b"')],
    ["has no body", (text: string) => text.slice(0, text.indexOf("\n"))],
  ])("knows one that %s", (_, spoil) => {
    const path = join(folder, "spoilt");
    const file = createManifestFile(path);
    file.save(manifest);
    writeFileSync(path, spoil(readFileSync(path, "utf8")));
    expect(file.load()).toBe("corrupt");
  });
});
