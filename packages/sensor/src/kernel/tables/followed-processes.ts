// SPDX-License-Identifier: Apache-2.0
import type { BpfMap } from "@gander/libbpf";
import { configFlags, limits, pathMatch } from "../../link/abi.gen.ts";
import type { Followed } from "../../link/follow-bits.ts";
import type { ConfigFlags } from "./config-flags.ts";
import { createStructWriter, fieldOf, type StructLayouts } from "./struct-layouts.ts";

/** Marks of processes that selectors follow. The programs pass them on from fork to fork. */
export interface FollowedProcesses {
  /** Also marks these, including those already running; earlier marks stay. */
  add(bits: ReadonlyMap<number, Followed>): void;
  /** Marks new processes only for these bits. */
  keepOnly(bits: ReadonlySet<number>): void;
  isCarried(bit: number): boolean;
}

type Deps = {
  readonly config: BpfMap;
  readonly flags: ConfigFlags;
  readonly procs: BpfMap;
  readonly followPids: BpfMap;
  readonly layouts: StructLayouts;
  /** Runs the task iterator, which checks the binary of each process. */
  readonly scanTasks: () => unknown;
};

type Process = {
  readonly pid: number;
  readonly key: string;
  readonly parent: string;
  /** struct followed as one number: a bit for each list, and above them one for each that is believed. */
  readonly marks: bigint;
};

/** The marks of a bit, with which a process is known for certain to be followed. */
const marksOfBit = (bit: number) => (1n << BigInt(bit)) | (1n << BigInt(bit + limits.FOLLOW_BITS));

type FollowedBinaries = Extract<Followed, { binaries: number }>;

const noBinaries: FollowedBinaries = { binaries: 0, match: pathMatch.PATH_EQUAL };

/** The next pass sees a process that forks while marks are being written. */
const maxPasses = 8;

export function createFollowedProcesses({
  config,
  flags,
  procs,
  followPids,
  layouts,
  scanTasks,
}: Deps): FollowedProcesses {
  const settings = new DataView(config.memory().buffer);
  const layout = layouts("config");
  const follow = fieldOf(layout, "follow").offset;
  const followMatch = fieldOf(layout, "follow_match").offset;
  const countWriter = createStructWriter(layout, "follow_count");
  const readProcesses = createProcessReader(procs, layouts);
  const marked = new Set<number>();

  const setBinaries = (bit: number, { binaries, match }: FollowedBinaries) => {
    settings.setUint8(followMatch + bit, match);
    settings.setUint32(follow + 4 * bit, binaries, true);
  };
  const extraMarks = (pid: number): bigint => {
    const value = followPids.get(u32(pid));
    return value === undefined ? 0n : readMarks(new DataView(value.buffer), 0);
  };
  const markPid = (pid: number, marks: bigint) => {
    const all = extraMarks(pid) | marks;
    if (all !== extraMarks(pid)) followPids.set(u32(pid), marksToBytes(all));
  };

  const passOn = (mask: bigint) => {
    let before = -1;
    for (let pass = 0; pass < maxPasses; pass++) {
      const processes = readProcesses();
      const inherited = inheritMarks(processes, (pid) => extraMarks(pid) & mask, mask);
      for (const [pid, marks] of inherited) markPid(pid, marks);
      if (inherited.size === before) return;
      before = inherited.size;
    }
  };

  return {
    add(bits) {
      const fresh = [...bits].filter(([bit]) => !marked.has(bit));
      if (fresh.length === 0) return;
      for (const [bit, followed] of fresh) {
        marked.add(bit);
        if ("binaries" in followed) setBinaries(bit, followed);
      }
      countWriter(settings, 0, { follow_count: Math.max(...marked) + 1 });
      flags.set(configFlags.CONFIG_FOLLOW_PIDS, true);
      if (fresh.some(([, followed]) => "binaries" in followed)) scanTasks();
      for (const [bit, followed] of fresh) {
        if ("pids" in followed) for (const pid of followed.pids) markPid(pid, marksOfBit(bit));
      }
      const mask = fresh.reduce((all, [bit]) => all | marksOfBit(bit), 0n);
      passOn(mask);
      // The entries of `parents` get the marks, too.
      if (flags.isSet(configFlags.CONFIG_PARENTS)) scanTasks();
    },
    keepOnly(bits) {
      for (const bit of marked) {
        if (bits.has(bit)) continue;
        marked.delete(bit);
        setBinaries(bit, noBinaries);
        clearPidMarks(followPids, bit);
      }
      countWriter(settings, 0, { follow_count: Math.max(-1, ...marked) + 1 });
    },
    isCarried: (bit) => readProcesses().some(({ marks }) => (marks >> BigInt(bit)) & 1n),
  };
}

/** By pid: the marks that processes must get from their ancestors. */
export function inheritMarks(
  processes: readonly Process[],
  extra: (pid: number) => bigint,
  mask: bigint,
): Map<number, bigint> {
  const byKey = new Map(processes.map((process) => [process.key, process]));
  const known = new Map<string, bigint>();
  const marksOf = (process: Process | undefined, depth = 0): bigint => {
    // A table that changes while it is read may contain a loop.
    if (process === undefined || depth > processes.length) return 0n;
    const found = known.get(process.key);
    if (found !== undefined) return found;
    const marks =
      ((process.marks | extra(process.pid)) & mask) | marksOf(byKey.get(process.parent), depth + 1);
    known.set(process.key, marks);
    return marks;
  };
  const result = new Map<number, bigint>();
  for (const process of processes) {
    const marks = marksOf(process);
    if ((marks & ~process.marks) !== 0n) result.set(process.pid, marks);
  }
  return result;
}

function createProcessReader(procs: BpfMap, layouts: StructLayouts): () => Process[] {
  const layout = layouts("proc");
  const key = layouts("process_key");
  const at = {
    key: fieldOf(layout, "key").offset,
    parent: fieldOf(layout, "parent").offset,
    follow: fieldOf(layout, "follow").offset,
  };
  const startAt = fieldOf(key, "start").offset;
  const pidAt = fieldOf(key, "pid").offset;
  const keyText = (view: DataView, offset: number) =>
    `${view.getBigUint64(offset + startAt, true)} ${view.getUint32(offset + pidAt, true)}`;
  return () =>
    [...procs.entries()].map(([pid, value]) => {
      const view = new DataView(value.buffer, value.byteOffset);
      return {
        pid: new DataView(pid.buffer, pid.byteOffset).getUint32(0, true),
        key: keyText(view, at.key),
        parent: keyText(view, at.parent),
        marks: readMarks(view, at.follow),
      };
    });
}

function clearPidMarks(followPids: BpfMap, bit: number): void {
  for (const [pid, value] of [...followPids.entries()]) {
    const marks = readMarks(new DataView(value.buffer, value.byteOffset), 0);
    const left = marks & ~marksOfBit(bit);
    if (left === marks) continue;
    if (left === 0n) followPids.delete(pid);
    else followPids.set(pid, marksToBytes(left));
  }
}

function u32(number: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(number).buffer);
}

function readMarks(view: DataView, offset: number): bigint {
  const [bits, believed] = [0, 8].map((at) => view.getBigUint64(offset + at, true));
  return (bits ?? 0n) | ((believed ?? 0n) << BigInt(limits.FOLLOW_BITS));
}

function marksToBytes(marks: bigint): Uint8Array {
  const words = [marks, marks >> BigInt(limits.FOLLOW_BITS)].map((word) =>
    BigInt.asUintN(64, word),
  );
  return new Uint8Array(BigUint64Array.from(words).buffer);
}
