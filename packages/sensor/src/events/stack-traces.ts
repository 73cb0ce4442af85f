// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import type { StackEntry } from "@gander/proto";
import { readApart } from "../host/read-apart.ts";

/** Names return addresses. Addresses that cannot be named keep only what the options allow. */
export type StackTraces = {
  /** From the hooked function on: what recorded the stack is left out. */
  kernel(addresses: readonly bigint[]): readonly StackEntry[];
  /**
   * Modules and offsets in them are known from a process's second stack on: a separate process reads its
   * regions, because the traced one can block their reader.
   */
  user(process: Traced | undefined, addresses: readonly bigint[]): readonly StackEntry[];
};

/** A process: the same object while it runs the same image. */
type Traced = { readonly pid: number };

type StackTraceOptions = {
  /** Addresses show an attacker where the kernel is: off by default. */
  readonly exposeAddresses: boolean;
  readonly procRoot?: string;
};

export function createStackTraces(options: StackTraceOptions): StackTraces {
  const root = options.procRoot ?? "/proc";
  const shown = (address: bigint) => (options.exposeAddresses ? address : 0n);
  const regionsOf = createRegionReader(root);
  let symbols: KernelSymbols | undefined;
  let readAt = 0;
  return {
    kernel(addresses) {
      if (addresses.length === 0) return [];
      const isOld = performance.now() - readAt > symbolsMs;
      // Read at first use, because it is some megabytes; again for programs that came later.
      if (symbols === undefined || (isOld && ownFrames(addresses, symbols) === 0)) {
        symbols = readKernelSymbols(`${root}/kallsyms`);
        readAt = performance.now();
      }
      const { find } = symbols;
      return addresses.slice(ownFrames(addresses, symbols)).map((address) => {
        const { symbol, offset } = find(address);
        return { address: shown(address), module: "", symbol, offset };
      });
    },
    user(process, addresses) {
      if (addresses.length === 0) return [];
      const regions = process === undefined ? [] : regionsOf(process);
      return addresses.map((address) => {
        const region = regions.find(({ start, end }) => address >= start && address < end);
        const offset = region === undefined ? 0n : address - region.start + region.fileOffset;
        return { address: shown(address), offset, symbol: "", module: region?.path ?? "" };
      });
    },
  };
}

/** Our programs, the kernel's functions that they call, and the trampoline into them: the first frames, up to here. */
const ownDepth = 24;
/** How old symbols may become while there are programs that they lack. */
const symbolsMs = 60_000;

/** How many of the first frames recorded the stack. */
function ownFrames(addresses: readonly bigint[], { find }: KernelSymbols): number {
  return addresses.slice(0, ownDepth).findLastIndex((address) => find(address).isMade) + 1;
}

type KernelSymbol = {
  readonly symbol: string;
  readonly offset: bigint;
  /** By the running kernel: a BPF program, a trampoline. */
  readonly isMade: boolean;
};
type KernelSymbols = { find(address: bigint): KernelSymbol };

function readKernelSymbols(file: string): KernelSymbols {
  const text = readText(file);
  const lines: { address: bigint; at: number; end: number }[] = [];
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf("\n", start);
    const end = found < 0 ? text.length : found;
    const kind = text[start + 17];
    // Text symbols: t, T, w, W.
    if (kind !== undefined && "tTwW".includes(kind)) {
      const address = BigInt(`0x${text.slice(start, start + 16)}`);
      if (address !== 0n) lines.push({ address, at: start + 19, end });
    }
    start = end + 1;
  }
  lines.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  const addresses = BigUint64Array.from(lines, ({ address }) => address);
  const names = lines.map(({ at, end }) => text.slice(at, end).split("\t"));
  return {
    find(address) {
      const index = lastAtOrBelow(addresses, address);
      const start = addresses[index];
      const [symbol = "", module = ""] = names[index] ?? [];
      if (start === undefined) return { symbol: "", offset: 0n, isMade: false };
      return { symbol, offset: address - start, isMade: /^\[(bpf|__builtin__\w+)\]/.test(module) };
    },
  };
}

/** Index of the last element that is at most `value`; -1 if there is none. */
function lastAtOrBelow(sorted: BigUint64Array, value: bigint): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as bigint) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

type Region = {
  readonly start: bigint;
  readonly end: bigint;
  readonly fileOffset: bigint;
  readonly path: string;
};

type Known = { readonly regions: readonly Region[]; readonly readAt: number };

const maxWaiting = 64;
const freshMs = 5_000;
const largestMaps = 4 << 20;

/** Returns the known regions of a process, and reads them again for the next call. */
function createRegionReader(root: string): (process: Traced) => readonly Region[] {
  const known = new WeakMap<Traced, Known>();
  const waiting = new Set<Traced>();
  let isReading = false;
  const readWaiting = async (): Promise<void> => {
    while (waiting.size > 0) {
      const batch = [...waiting];
      const paths = batch.map(({ pid }) => `${root}/${pid}/maps`);
      const texts = await readApart(paths, { limitBytes: largestMaps });
      const readAt = performance.now();
      for (const [i, process] of batch.entries()) {
        known.set(process, { regions: regionsIn(texts[i]?.toString("latin1") ?? ""), readAt });
        waiting.delete(process);
      }
    }
    isReading = false;
  };
  return (process) => {
    const found = known.get(process);
    const isFresh = found !== undefined && performance.now() - found.readAt < freshMs;
    if (!isFresh && waiting.size < maxWaiting) {
      waiting.add(process);
      if (!isReading) {
        isReading = true;
        void readWaiting();
      }
    }
    return found?.regions ?? [];
  };
}

/** Executable regions of a process. */
function regionsIn(text: string): readonly Region[] {
  const pattern = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) \S+ \d+ *(.*)$/gm;
  return [...text.matchAll(pattern)].map(([, start, end, offset, path = ""]) => ({
    start: BigInt(`0x${start}`),
    end: BigInt(`0x${end}`),
    fileOffset: BigInt(`0x${offset}`),
    path,
  }));
}

function readText(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
