// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import type { ProbeSite } from "@gander/policy";
import type { ElfFile } from "./elf-file.ts";
import { findObject, type NoFunction, offsetIn } from "./find-function.ts";
import { readProbeArguments } from "./probe-argument.ts";
import type { ProbeNote } from "./probe-notes.ts";

export type FoundProbe = { readonly sites: readonly ProbeSite[]; readonly problem?: never };

/** The compiler repeats a probe where it repeats its function; each place takes a link in the kernel. */
const maxSites = 256;

/** That arguments of one probe may be in: the table of symbols is searched for each. */
const maxVariables = 32;

/** All places of a static probe in the file. `wanted`: `PROVIDER:NAME`. */
export function findProbe(elf: ElfFile, wanted: string): FoundProbe | NoFunction {
  const notes = elf.probes.filter((note) => fullName(note) === wanted);
  if (notes.length === 0) return missing(elf, wanted);
  if (notes.length > maxSites)
    return {
      problem: `the probe ${wanted} has ${notes.length} places, and ${maxSites} are possible`,
      hint: "Hook a function that is called there, below uprobes.",
    };
  const addressOf = variableFinder(elf);
  const sites: ProbeSite[] = [];
  for (const { address, counter, args } of notes) {
    const offset = offsetIn(elf.code, address);
    if (offset === undefined || offset > maxOffset)
      return damaged(`a place of ${wanted} is not in the part that is executed`);
    const counterOffset = counter === 0 ? 0 : offsetIn(elf.data, counter);
    if (counterOffset === undefined || counterOffset > maxOffset)
      return damaged(`the counter of ${wanted} is not in the part that is written`);
    sites.push({
      offset,
      counter: counterOffset,
      args: readProbeArguments(args, { address, addressOf }),
    });
  }
  return { sites };
}

/** The kernel has 32 bits for that of a counter. */
const maxOffset = 0xffffffff;

function variableFinder(elf: ElfFile): (name: string) => number | undefined {
  const known = new Map<string, number | undefined>();
  return (name) => {
    if (!known.has(name) && known.size < maxVariables) known.set(name, findObject(elf, name));
    return known.get(name);
  };
}

const fullName = ({ provider, name }: ProbeNote) => `${provider}:${name}`;

const damaged = (problem: string): NoFunction => ({
  problem,
  hint: "The file is damaged, or a tool has moved its parts without their notes: install it again.",
});

const maxSimilar = 10_000;

function missing(elf: ElfFile, wanted: string): NoFunction {
  const names = new Set<string>();
  for (const note of elf.probes) {
    if (names.size === maxSimilar) break;
    if (/^[\x21-\x7e]{1,256}$/.test(fullName(note))) names.add(fullName(note));
  }
  if (names.size === 0)
    return {
      problem: `there is no probe ${wanted}: the file has no static probes`,
      hint: "Probes may be in a library that the program uses; or hook a function, below uprobes.",
    };
  const near = nearestName(wanted, names);
  return {
    problem: `there is no probe ${wanted}`,
    hint:
      near === undefined
        ? "The probes of a file are in the output of `readelf -n`: `provider` and `name`."
        : `Did you mean ${near}?`,
  };
}
