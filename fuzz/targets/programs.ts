// SPDX-License-Identifier: Apache-2.0
import { findFunction } from "../../packages/sensor/src/elf/find-function.ts";
import { findProbe } from "../../packages/sensor/src/elf/find-probe.ts";
import { buildElf, elfOf, probeNote } from "../../packages/sensor/test/elf.ts";
import { outcomeOf } from "../src/outcome.ts";
import type { Target } from "../src/target.ts";

const seed = () =>
  buildElf({
    symbols: [
      { name: "weigh", address: 0x401010 },
      { name: "weigh@OLD", address: 0x401020 },
    ],
    dynamic: [{ name: "many", address: 0x401030, indirect: true }],
    sections: [".gopclntab"],
    probes: [
      { provider: "shop", name: "sold", address: 0x401010, args: "-4@%edi 8@weigh+8(%rip)" },
      {
        provider: "shop",
        name: "sold",
        address: 0x401020,
        counter: 0x602010,
        args: "1@8(%rax,%rbx,8)",
      },
    ],
    probeBase: 0x402000,
  });
/** Mutations reach the tables sooner without the code between them and the header. */
const offset = 0x1000 + 0x1000;
const compact = () => Buffer.concat([seed().subarray(0, 128), seed().subarray(offset)]);

const notesOf = (size: number, args: (i: number) => string) => {
  const note = (i: number) =>
    probeNote({ provider: "shop", name: `sold${i % 7}`, address: 0x401000 + i, args: args(i) });
  const notes = Array.from({ length: size / 256 }, (_, i) => note(i));
  return buildElf({
    probeNotes: Buffer.concat(notes).subarray(0, 4 << 20),
    symbols: Array.from({ length: size / 48 }, (_, i) => ({
      name: `v${i}`,
      address: 0x602000 + i,
    })),
  });
};

const symbolsOf = (size: number, name: (i: number) => string) =>
  buildElf({
    symbols: Array.from({ length: size / 48 }, (_, i) => ({
      name: name(i),
      address: 0x401000 + i,
    })),
  });

/** The tables of a program whose functions and static probes a policy hooks. */
export const programs: Target = {
  name: "programs",
  run(bytes) {
    const elf = elfOf(bytes);
    if (elf.problem !== undefined) return outcomeOf(elf.problem);
    const wanted = ["weigh", "many", "weig", "missing"].map((name) =>
      findFunction(elf, { by: "symbol", name, plus: 0 }),
    );
    const placed = findFunction(elf, { by: "address", name: "0x401010", plus: 0 });
    const probes = ["shop:sold", "shop:sold3", "missing:probe"].map((name) => findProbe(elf, name));
    const outcomes = [...wanted, placed, ...probes].map(({ problem = "found" }) =>
      outcomeOf(problem),
    );
    return [elf.isGo, ...outcomes].join();
  },
  seeds: () => [seed(), compact(), Buffer.alloc(0)],
  words: [
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]),
    Buffer.from([2, 0, 0, 0]),
    Buffer.from([0xff, 0xff, 0xff, 0xff]),
    Buffer.from([24, 0, 0, 0, 0, 0, 0, 0]),
    "weigh\0",
    "@",
    "8@v1(%rip) ",
    "stapsdt\0",
  ],
  bombs: {
    "many functions of one name": (size) => symbolsOf(size, () => "weigh"),
    "names that begin alike": (size) => symbolsOf(size, (i) => `mi${"i".repeat(i % 90)}`),
    "names that never end": (size) => {
      const bytes = symbolsOf(size, () => "mi");
      return bytes.fill("mi", bytes.length - size / 4, bytes.length - size / 8);
    },
    "arguments that are variables": (size) => notesOf(size, (i) => `8@v${i}(%rip) `.repeat(12)),
    "arguments that never end": (size) => notesOf(size, () => "8@".repeat(100)),
    "sections of nothing": (size) => Buffer.concat([seed(), Buffer.alloc(size)]),
  },
  innocent: (size) => symbolsOf(size, (i) => `function_${i}`),
};
