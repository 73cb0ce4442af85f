// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { BpfLink, BpfMap, BpfProgram } from "@gander/libbpf";

/** The kernel's memory account of the maps, and of the programs of links, that are pinned below a folder. */
export function pinnedMemoryBytes(folder: string): {
  maps: number;
  programs: number;
  total: number;
} {
  let maps = 0;
  let programs = 0;
  // Beside the builds there is the lock of the instance.
  const builds = readdirSync(folder).filter((name) => existsSync(join(folder, name, "maps")));
  for (const build of builds) {
    for (const name of readdirSync(join(folder, build, "maps"))) {
      // Programs of hooks are pinned here, too; their links count them.
      if (name.startsWith("program_")) continue;
      using map = BpfMap.fromPin(join(folder, build, "maps", name));
      maps += map.memoryBytes();
    }
    for (const name of readdirSync(join(folder, build, "links"))) {
      using link = BpfLink.fromPin(join(folder, build, "links", name));
      using program = BpfProgram.fromId(link.info().programId);
      programs += program.memoryBytes();
    }
  }
  return { maps, programs, total: maps + programs };
}
