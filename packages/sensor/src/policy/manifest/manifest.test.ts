// SPDX-License-Identifier: Apache-2.0
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { createManifestFile, type Manifest } from "./manifest.ts";

const folder = mkdtempSync(join(tmpdir(), "manifest-"));
const path = join(folder, "state", "manifest");
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => rmSync(join(folder, "state"), { recursive: true, force: true }));

const manifest: Manifest = {
  kernelId: "a",
  tables: "first",
  side: 1,
  nextPolicyId: 3,
  policies: [],
  rules: [],
  hits: { totals: [[1, 2n ** 63n]], counting: [] },
  unevaluated: { totals: [[1, 3n]], counting: [] },
  misses: { totals: [[1, 4n]], counting: [[2, { hookId: 1, missed: 5n }]] },
  sets: [[1, { kind: "ints", values: [1n, 2n ** 64n - 1n] }]],
  follow: [[0, { pids: [1] }]],
  groups: [[1, ["a"]]],
  past: { since: 5, totals: [] },
};
const named = (tables: string) => ({ ...manifest, tables });
const found = () =>
  createManifestFile(path)
    .load()
    .manifests.map(({ tables }) => tables);

function saveTwo(): void {
  const file = createManifestFile(path);
  file.save(named("first"), "replace");
  file.save(named("second"), "keep");
}

describe("createManifestFile", () => {
  it("gives back what was saved, numbers of 64 bits as well", () => {
    const file = createManifestFile(path);
    expect(file.load()).toEqual({ manifests: [], problems: [] });
    file.save(manifest, "keep");
    expect(file.load()).toEqual({ manifests: [manifest], problems: [] });
    file.remove();
    expect(file.load()).toEqual({ manifests: [], problems: [] });
  });

  it("keeps the one before, and writes over one that is of no use", () => {
    saveTwo();
    expect(found()).toEqual(["second", "first"]);
    createManifestFile(path).save(named("third"), "replace");
    expect(found()).toEqual(["third", "first"]);
    createManifestFile(path).save(named("fourth"), "keep");
    expect(found()).toEqual(["fourth", "third"]);
  });

  const damages: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
    ["empty", () => Buffer.alloc(0)],
    ["zeros", (bytes) => Buffer.alloc(bytes.length)],
    ["a newline", () => Buffer.from("\n")],
    ["another format", (bytes) => Buffer.from(bytes.toString().replace(/ \d+ /, " 99 "))],
    ["without its body", (bytes) => bytes.subarray(0, bytes.indexOf("\n") + 1)],
    ["twice as long", (bytes) => Buffer.concat([bytes, bytes])],
  ];
  it.each(damages)("uses the one before where the newest is %s", (_, damage) => {
    saveTwo();
    writeFileSync(path, damage(readFileSync(path)));
    const { manifests, problems } = createManifestFile(path).load();
    expect(manifests).toEqual([named("first")]);
    expect(problems).toEqual([expect.stringContaining("is damaged")]);
  });

  it("knows flipped bits and cuts, wherever they are", () => {
    saveTwo();
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 5) {
      const flipped = Buffer.from(whole);
      flipped[at] = (whole[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(path, flipped);
      expect(found()).toEqual(["first"]);
      writeFileSync(path, whole.subarray(0, at));
      expect(found()).toEqual(["first"]);
    }
  });

  it("finds both where the two were swapped", () => {
    saveTwo();
    renameSync(path, `${path}.x`);
    renameSync(`${path}.previous`, path);
    renameSync(`${path}.x`, `${path}.previous`);
    expect(found()).toEqual(["first", "second"]);
  });

  it("says that the newest is something else than a file", () => {
    saveTwo();
    rmSync(path);
    mkdirSync(path);
    const { manifests, problems } = createManifestFile(path).load();
    expect(manifests).toEqual([named("first")]);
    expect(problems).toEqual([expect.stringContaining("EISDIR")]);
    expect(() => createManifestFile(path).save(named("third"), "replace")).toThrow();
    expect(found()).toEqual(["first"]);
  });

  it("throws where the folder is a file, and changes nothing", () => {
    writeFileSync(join(folder, "state"), "");
    expect(() => createManifestFile(path).save(manifest, "keep")).toThrow();
    expect(found()).toEqual([]);
  });

  it("throws on a full disk, and both are as before", () => {
    saveTwo();
    symlinkSync("/dev/full", `${path}.new`);
    expect(() => createManifestFile(path).save(named("third"), "keep")).toThrow(/ENOSPC/);
    expect(found()).toEqual(["second", "first"]);
  });

  it("has one that is right after each step of a save that a crash ends", () => {
    // What the steps leave, in their order: half of the new file, all of it, the second name, the rename.
    saveTwo();
    const whole = readFileSync(path);
    writeFileSync(`${path}.new`, whole.subarray(0, whole.length / 2));
    expect(found()).toEqual(["second", "first"]);
    copyFileSync(path, `${path}.previous.new`);
    expect(found()).toEqual(["second", "first"]);
    renameSync(`${path}.previous.new`, `${path}.previous`);
    expect(found()).toEqual(["second", "second"]);
    // The next save begins among these leftovers.
    createManifestFile(path).save(named("third"), "keep");
    expect(found()).toEqual(["third", "second"]);
    expect(existsSync(`${path}.new`)).toBe(false);
  });
});
