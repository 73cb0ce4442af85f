// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { hasSymbol, symbolAddresses } from "./kernel-symbols.ts";

const folder = mkdtempSync(join(tmpdir(), "kernel-symbols-"));
afterAll(() => rmSync(folder, { recursive: true }));

function find(text: string, ...names: string[]) {
  const path = join(folder, "kallsyms");
  writeFileSync(path, text);
  return Object.fromEntries(symbolAddresses(names, path));
}

const others = (count: number) => "ffffffff81000000 t some_function\n".repeat(count);

describe("symbolAddresses", () => {
  it("finds whole names, first and last lines included", () => {
    const text = `ffffffff82000010 d rename_lock\n${others(3)}ffffffff82000020 D mount_lock\n`;
    expect(find(text, "rename_lock", "mount_lock", "lock")).toEqual({
      rename_lock: 0xffffffff82000010n,
      mount_lock: 0xffffffff82000020n,
    });
  });
  it.each([1, 7_940, 7_944, 20_000])("finds a name behind %i lines", (count) => {
    const text = `${others(count)}ffffffff82000010 d rename_lock\n${others(count)}`;
    expect(find(text, "rename_lock")).toEqual({ rename_lock: 0xffffffff82000010n });
  });
  it("leaves out what is hidden, ambiguous, in a module or not there", () => {
    const text = [
      "0000000000000000 d hidden",
      "ffffffff82000010 d twice",
      "ffffffff82000020 d twice",
      "ffffffffc0000000 d of_module\t[ext4]",
      "",
    ].join("\n");
    expect(find(text, "hidden", "twice", "of_module", "nowhere")).toEqual({});
  });
});

describe("hasSymbol", () => {
  it.each([
    ["some_function", true],
    ["hidden", true],
    ["of_module", true],
    ["function", false],
    ["ext4", false],
  ])("%s: %s", (name, isThere) => {
    const path = join(folder, "kallsyms");
    const text = `${others(9_000)}0000000000000000 t hidden\nffffffffc0000000 d of_module\t[ext4]\n`;
    writeFileSync(path, text);
    expect(hasSymbol(name, path)).toBe(isThere);
  });
});
