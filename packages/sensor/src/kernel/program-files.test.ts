// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { WantedFunction } from "@gander/policy";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { buildElf } from "../../test/elf.ts";
import { createProgramFiles } from "./program-files.ts";

const folder = mkdtempSync("/tmp/program-files-");
afterAll(() => rmSync(folder, { recursive: true }));
const path = `${folder}/program`;
const first = buildElf({ symbols: [{ name: "main", address: 0x401010 }] });
const second = buildElf({ symbols: [{ name: "main", address: 0x401020 }] });
beforeEach(() => {
  rmSync(path, { force: true });
  writeFileSync(path, first);
});

const main = (part: Partial<WantedFunction> = {}): WantedFunction => ({
  ...{ path, by: "symbol", name: "main", plus: 0, digests: [] },
  ...part,
});

describe("files of programs", () => {
  const found = (files: ReturnType<typeof createProgramFiles>, wanted = main()) => {
    const file = files.program(wanted.path);
    if (file.problem !== undefined) return file.problem;
    const place = file.place(wanted);
    return place.problem ?? `${file.version} ${place.offset}`;
  };
  const versionOf = (text: string) => text.split(" ")[0] ?? "";

  it("are read once, also by a link, and again if they lack what is wanted", async () => {
    using files = createProgramFiles("/");
    symlinkSync(path, `${folder}/link`);
    await files.lookUp([main(), main({ path: `${folder}/link` })]);
    expect(found(files)).toMatch(/^[0-9a-f]{16} 4112$/);
    expect(found(files, main({ path: `${folder}/link` }))).toBe(found(files));
    expect(found(files, main({ name: "other" }))).toMatch(/was not searched yet/);
    await files.lookUp([main({ name: "other" })]);
    expect(found(files, main({ name: "other" }))).toBe(`in ${path}: there is no function other`);
    expect(found(files)).toMatch(/ 4112$/);
  });

  it("that replace others have another version, and their own places", async () => {
    using files = createProgramFiles("/");
    await files.lookUp([main()]);
    const before = found(files);
    const held = files.pathOf({ path, version: versionOf(before), offset: 4112 });
    writeFileSync(`${folder}/new`, second);
    renameSync(`${folder}/new`, path);
    // Until it is looked up again, the file that was found is the one that is meant.
    expect(readFileSync(held)).toEqual(first);
    await files.lookUp([main()]);
    expect(found(files)).toMatch(/ 4128$/);
    expect(versionOf(found(files))).not.toBe(versionOf(before));
    expect(() => files.pathOf({ path, version: versionOf(before), offset: 4112 })).toThrow(
      /has been replaced/,
    );
  });

  it("that are written in place have another version", async () => {
    using files = createProgramFiles("/");
    await files.lookUp([main()]);
    const before = found(files);
    writeFileSync(path, second);
    appendFileSync(path, "x");
    await files.lookUp([main()]);
    expect(found(files)).toMatch(/ 4128$/);
    expect(versionOf(found(files))).not.toBe(versionOf(before));
  });

  it("that disappear, or are none, say so", async () => {
    using files = createProgramFiles("/");
    expect(found(files)).toMatch(/was not looked up yet/);
    await files.lookUp([main()]);
    rmSync(path);
    await files.lookUp([main(), main({ path: folder })]);
    expect(found(files)).toBe(`${path}: there is no such file`);
    expect(found(files, main({ path: folder }))).toBe(`${folder}: it is not a regular file`);
    writeFileSync(path, "#!/bin/sh\n".repeat(10));
    await files.lookUp([main()]);
    expect(found(files)).toBe(`${path} is not a program: it is no ELF file`);
    writeFileSync(path, first);
    await files.lookUp([main()]);
    expect(found(files)).toMatch(/ 4112$/);
  });

  it("have the digests that are asked for", async () => {
    using files = createProgramFiles("/");
    await files.lookUp([main()]);
    await files.lookUp([main({ digests: ["sha256:00"] })]);
    const file = files.program(path);
    const digest = createHash("sha256").update(first).digest("hex");
    expect(file.problem === undefined && file.digests.has(`sha256:${digest}`)).toBe(true);
  });

  it("are released when no policy names them", async () => {
    using files = createProgramFiles("/");
    await files.lookUp([main()]);
    files.keepOnly(new Set([path]));
    expect(found(files)).toMatch(/ 4112$/);
    files.keepOnly(new Set());
    expect(found(files)).toMatch(/was not looked up yet/);
  });
});
