// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync } from "node:fs";
import {
  belongsTo,
  chooseFunctions,
  type FoundFunctions,
  type FunctionSet,
  setKey,
} from "@gander/policy";

/** Where a kernel lists its functions; texts of some megabytes, which are read in pieces. */
export type FunctionFiles = {
  /** `name`, or `name [module]`: what ftrace can hook. The first that can be read counts. */
  readonly traceable: readonly string[];
  readonly symbols: string;
  /** Where no kprobe may be. */
  readonly forbidden: string;
};

const kernelFiles: FunctionFiles = {
  traceable: ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"].map(
    (folder) => `${folder}/available_filter_functions`,
  ),
  symbols: "/proc/kallsyms",
  forbidden: "/sys/kernel/debug/kprobes/blacklist",
};

/** Sets that policies have asked for: their functions are those of the kernel itself, so they don't change. */
const keptSets = 64;

type FinderOptions = {
  /** The kernel hooks by kprobes, which not every function that ftrace lists can have. */
  readonly oneByOne: () => boolean;
  /** Called with what was found. */
  readonly onFound: (names: readonly string[]) => void;
  readonly files?: FunctionFiles;
};

/** The kernel's functions of a set that can be hooked together. */
export function createFunctionFinder({
  oneByOne,
  onFound,
  files = kernelFiles,
}: FinderOptions): (set: FunctionSet) => FoundFunctions {
  const known = new Map<string, FoundFunctions>();
  return (set) => {
    const key = setKey(set);
    const found = known.get(key) ?? findFunctions(set, files, oneByOne());
    const [oldest] = known.keys();
    if (known.size >= keptSets && oldest !== undefined) known.delete(oldest);
    if (found.problem === undefined) {
      known.set(key, found);
      onFound(found.names);
    }
    return found;
  };
}

function findFunctions(
  set: FunctionSet,
  { traceable, symbols, forbidden }: FunctionFiles,
  oneByOne: boolean,
): FoundFunctions {
  const belongs = belongsTo(set);
  const traced = readTraceable(traceable, belongs);
  if (traced === undefined)
    return {
      problem: `which functions can be traced is not known: ${traceable[0]} cannot be read`,
      hint: "Mount tracefs at /sys/kernel/tracing",
    };
  const candidates: Symbol[] = [];
  const places = new Set<string>();
  for (const symbol of functionSymbols(symbols)) {
    if (symbol.address !== hidden && traced.names.has(symbol.name)) places.add(symbol.address);
    if (belongs(symbol.name)) candidates.push(symbol);
  }
  const without = oneByOne ? forbiddenNames(forbidden) : new Set<string>();
  // A function may have several names, of which ftrace lists one. Without addresses that can't be seen, and
  // system calls without arguments have several.
  const isTraced = ({ name, address }: Symbol) =>
    traced.names.has(name) || places.has(address) || (address === hidden && set.by === "syscalls");
  const hookable = candidates.filter((one) => isTraced(one) && !without.has(one.name));
  const found = chooseFunctions(
    eachOnce(hookable, traced.names).map(({ name }) => name),
    true,
  );
  const untraceable = candidates.length - hookable.length;
  return {
    ...found,
    leftOut: [
      ...found.leftOut,
      ...(untraceable === 0 ? [] : [`${untraceable} that the kernel does not let be traced`]),
      ...(traced.ofModules === 0 ? [] : [`${traced.ofModules} of modules`]),
    ],
  };
}

type Symbol = { readonly name: string; readonly address: string };

/** What those see who may not know addresses. */
const hidden = "0000000000000000";

/** One of the names of each place: that of ftrace, if it is among them. */
function eachOnce(symbols: readonly Symbol[], preferred: ReadonlySet<string>): readonly Symbol[] {
  const byPlace = new Map<string, Symbol>();
  for (const symbol of symbols) {
    const key = symbol.address === hidden ? symbol.name : symbol.address;
    const other = byPlace.get(key);
    if (other === undefined || (!preferred.has(other.name) && preferred.has(symbol.name)))
      byPlace.set(key, symbol);
  }
  return [...byPlace.values()];
}

function readTraceable(paths: readonly string[], belongs: (name: string) => boolean) {
  for (const path of paths) {
    const names = new Set<string>();
    let ofModules = 0;
    try {
      for (const line of lines(path)) {
        const [name = "", module] = line.split(" ", 2);
        if (module === undefined) names.add(name);
        else if (belongs(name)) ofModules++;
      }
      if (names.size > 0) return { names, ofModules };
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

/** From lines like `ffffffff81000000 T name`, followed by a tab and `[module]` for a module's. */
function* functionSymbols(path: string): Iterable<Symbol> {
  for (const line of lines(path)) {
    const [address = "", type = "", name = ""] = line.split(" ", 3);
    if (/^[tw]$/i.test(type) && !name.includes("\t")) yield { name, address };
  }
}

/** From lines like `0xffffffff81000000-0xffffffff81000010\tname`. Empty if debugfs isn't mounted. */
function forbiddenNames(path: string): ReadonlySet<string> {
  try {
    return new Set(Iterator.from(lines(path)).map((line) => line.split(/\s+/)[1] ?? ""));
  } catch {
    return new Set();
  }
}

/** Longer than any line (KSYM_NAME_LEN is 512). */
const pieceBytes = 256 << 10;

function* lines(path: string): Iterable<string> {
  const file = openSync(path, "r");
  const piece = Buffer.allocUnsafe(pieceBytes);
  let kept = 0;
  try {
    for (;;) {
      const size = kept + readSync(file, piece, kept, pieceBytes - kept, null);
      if (size === kept) break;
      const end = piece.subarray(0, size).lastIndexOf("\n") + 1;
      if (end > 0) yield* piece.toString("latin1", 0, end - 1).split("\n");
      piece.copyWithin(0, end, size);
      kept = size - end;
      if (kept === pieceBytes) kept = 0;
    }
    if (kept > 0) yield piece.toString("latin1", 0, kept);
  } finally {
    closeSync(file);
  }
}
