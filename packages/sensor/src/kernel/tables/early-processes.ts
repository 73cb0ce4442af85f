// SPDX-License-Identifier: Apache-2.0
import type { BpfMap } from "@gander/libbpf";
import { configFlags } from "../../link/abi.gen.ts";
import type { SetConfigFlag } from "./config-flags.ts";
import { letGo, letGoAll } from "./let-go.ts";
import { createStructWriter, fieldOf, type StructLayouts } from "./struct-layouts.ts";

/** A process that is stopped until the policies of its pod have arrived. */
export type HeldProcess = {
  /** In the host's pid namespace. */
  readonly pid: number;
  /** Of its exec, in ns of CLOCK_BOOTTIME: with the pid the key of its image. */
  readonly start: bigint;
  readonly cgroup: bigint;
  /** ns, CLOCK_MONOTONIC (process.hrtime). */
  readonly since: bigint;
};

/** What the programs do with processes that call exec before the policies of their pod (bpf/hold.bpf.h). */
export interface EarlyProcesses {
  /**
   * @param own - what happens to processes of the cgroup (abi.gen.ts, earlyExec).
   * @param nested - … in cgroups that will be made in it. @throws BpfError if there are too many.
   */
  set(cgroup: bigint, own: number, nested: number): void;
  /** Processes of the cgroup are no longer early; those that are held wait for `letGo`. */
  delete(cgroup: bigint): void;
  /** From now on the programs treat cgroups as `set` says; so far they hold nothing. */
  begin(): void;
  /** The programs hold processes for this time, unless this process ends before. */
  holdFor(milliseconds: number): void;
  /** Nothing is early from now on, and nothing is held. */
  end(): void;
  held(): readonly HeldProcess[];
  letGo(process: HeldProcess): void;
  /** Since the programs were loaded. */
  counts(): { readonly held: bigint; readonly early: bigint };
  /** Of the map of held processes. */
  readonly descriptor: number;
}

type Deps = {
  readonly config: BpfMap;
  readonly early: BpfMap;
  readonly held: BpfMap;
  readonly setFlag: SetConfigFlag;
  readonly layouts: StructLayouts;
};

export function createEarlyProcesses(deps: Deps): EarlyProcesses {
  const { early, held, setFlag } = deps;
  const words = configWords(deps);
  const write = createStructWriter(deps.layouts("early_cgroup"), "own", "nested");
  const entry = new Uint8Array(deps.layouts("early_cgroup").size);
  const read = heldReader(deps.layouts);
  return {
    set(cgroup, own, nested) {
      write(new DataView(entry.buffer), 0, { own, nested });
      early.set(u64(cgroup), entry);
    },
    delete: (cgroup) => void early.delete(u64(cgroup)),
    begin: () => setFlag(configFlags.CONFIG_EARLY, true),
    holdFor(milliseconds) {
      words.setUntil(process.hrtime.bigint() + BigInt(milliseconds) * 1_000_000n);
      words.setHolder(process.pid);
    },
    end() {
      words.setHolder(0);
      for (const cgroup of [...early.keys()]) early.delete(cgroup);
      letGoAll(held);
      setFlag(configFlags.CONFIG_EARLY, false);
    },
    held: () => [...held.entries()].map(([, value]) => read(value)),
    letGo: ({ pid }) => letGo(held, pid),
    counts: words.counts,
    get descriptor() {
      return held.descriptor;
    },
  };
}

/** Single words of `config`, which the programs read and write as well. */
function configWords({ config, layouts }: Pick<Deps, "config" | "layouts">) {
  const { buffer } = config.memory();
  const at = (field: string) => fieldOf(layouts("config"), field).offset;
  const longs = new BigInt64Array(buffer);
  const holder = new Int32Array(buffer);
  const long = (field: string) => Atomics.load(longs, at(field) / 8);
  return {
    setHolder: (pid: number) => void Atomics.store(holder, at("holder") / 4, pid),
    setUntil: (ns: bigint) => void Atomics.store(longs, at("hold_until") / 8, ns),
    counts: () => ({ held: long("held"), early: long("early") }),
  };
}

function heldReader(layouts: StructLayouts): (value: Uint8Array) => HeldProcess {
  const [held, key] = [layouts("held"), layouts("process_key")];
  const at = fieldOf(held, "process").offset;
  const [start, pid] = [at + fieldOf(key, "start").offset, at + fieldOf(key, "pid").offset];
  const [cgroup, since] = [fieldOf(held, "cgroup").offset, fieldOf(held, "since").offset];
  return (value) => {
    const view = new DataView(value.buffer, value.byteOffset);
    return {
      pid: view.getUint32(pid, true),
      start: view.getBigUint64(start, true),
      cgroup: view.getBigUint64(cgroup, true),
      since: view.getBigUint64(since, true),
    };
  };
}

function u64(number: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(number).buffer);
}
