// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { readSymbols } from "./read-kernel-facts.ts";

const folder = mkdtempSync(join(tmpdir(), "gander-symbols-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("functions of the kernel itself are listed as often as they are there, in order", async () => {
  const path = join(folder, "kallsyms");
  const lines = [
    "ffffffff81000000 T zero",
    "0000000000000000 t again",
    "ffffffff81000020 D not_a_function",
    "ffffffff81000030 t again",
    "ffffffff81000040 W weak",
    "ffffffffc0000000 t of_a_module\t[nf_tables]",
    "ffffffffc0000010 T of_a_program\t[bpf]",
    // Across more than one piece of what is read at once.
    ...Array.from(
      { length: 20_000 },
      (_, i) => `ffffffff82000000 t f${String(i).padStart(6, "0")}`,
    ),
  ];
  writeFileSync(path, `${lines.join("\n")}\n`);
  const found = (await readSymbols(path)).toString().split("\n");
  expect([found.slice(0, 3), found.length]).toEqual([["again", "again", "f000000"], 20_004]);
  expect([found.at(-1), found.at(-2), found.at(-3)]).toEqual(["", "zero", "f019999"]);
});
