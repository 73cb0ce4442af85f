// SPDX-License-Identifier: Apache-2.0
import type { BpfMap } from "@gander/libbpf";
import { configFlags } from "../../link/abi.gen.ts";
import type { Remembered } from "../../link/linked-tables.ts";
import type { ConfigFlags } from "./config-flags.ts";

/** What the programs keep only while a policy asks for it (bpf/past.bpf.h, bpf/owners.bpf.h). */
export interface RememberedFacts {
  /** Also keeps it for processes that are already running: as they are now. */
  add(kinds: ReadonlySet<Remembered>): void;
  /** Keeps nothing else, and drops what was kept. */
  keepOnly(kinds: ReadonlySet<Remembered>): void;
}

type Deps = {
  readonly flags: ConfigFlags;
  readonly maps: Readonly<Record<Remembered, BpfMap>>;
  /** Runs the task iterator, which adds the processes that are not in the maps. */
  readonly scanTasks: () => unknown;
};

const flagOf: Readonly<Record<Remembered, number>> = {
  parents: configFlags.CONFIG_PARENTS,
  privileges: configFlags.CONFIG_PRIVILEGES,
  owners: configFlags.CONFIG_OWNERS,
};
const allKinds = Object.keys(flagOf) as readonly Remembered[];

/** Of sockets, nothing can be found of those that were there before. */
const isOfProcesses = (kind: Remembered): boolean => kind === "parents" || kind === "privileges";

/** The next pass sees a process whose parent had no entry when it forked. */
const maxPasses = 8;

export function createRememberedFacts({ flags, maps, scanTasks }: Deps): RememberedFacts {
  /** Scanned since this sensor started: an earlier one may have died before it could. */
  const complete = new Set<Remembered>();
  const clear = (kind: Remembered) => {
    for (const key of [...maps[kind].keys()]) maps[kind].delete(key);
  };
  return {
    add(kinds) {
      const fresh = [...kinds].filter((kind) => !complete.has(kind));
      for (const kind of fresh) {
        // Entries from before programs kept them up to date may be those of ended processes.
        if (!flags.isSet(flagOf[kind])) clear(kind);
        flags.set(flagOf[kind], true);
        complete.add(kind);
      }
      const scanned = fresh.filter(isOfProcesses);
      const entries = () => scanned.reduce((sum, kind) => sum + [...maps[kind].keys()].length, 0);
      let before = -1;
      for (let pass = 0; scanned.length > 0 && pass < maxPasses; pass++) {
        scanTasks();
        const now = entries();
        if (now === before) return;
        before = now;
      }
    },
    keepOnly(kinds) {
      for (const kind of allKinds) {
        if (kinds.has(kind) || !flags.isSet(flagOf[kind])) continue;
        flags.set(flagOf[kind], false);
        complete.delete(kind);
        clear(kind);
      }
    },
  };
}
