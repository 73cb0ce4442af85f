// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import {
  type ElfFile,
  number64,
  type Piece,
  type Segment,
  type SymbolTable,
  symbolBytes,
} from "./elf-file.ts";

export type FoundFunction = {
  readonly offset: number;
  readonly address: number;
  readonly problem?: never;
};
/** Why there is none, as a sentence about the file, and what to write instead. */
export type NoFunction = { readonly problem: string; readonly hint: string };

type Wanted = {
  readonly by: "symbol" | "address" | "offset";
  /** A symbol, or a number in hexadecimal. */
  readonly name: string;
  /** Bytes behind the beginning of the symbol. */
  readonly plus: number;
};

type FoundSymbol = {
  readonly address: number;
  readonly size: number;
  readonly kind: number;
  /** The lowest is what a program that uses the name would get. */
  readonly rank: number;
};

const kinds = { object: 1, function: 2, indirect: 10 };
const functionKinds: ReadonlySet<number> = new Set([kinds.function, kinds.indirect]);
const objectKinds: ReadonlySet<number> = new Set([kinds.object]);
/** Section numbers from here on are none. */
const reservedSections = 0xff00;

/** Where a function begins in the file. */
export function findFunction(elf: ElfFile, wanted: Wanted): FoundFunction | NoFunction {
  const { by, name, plus } = wanted;
  if (by === "offset") return offsetOf(elf, Number(name));
  if (by === "address") return offsetAt(elf, Number(name), name);
  const found = elf.symbols.flatMap((table) => symbolsNamed(table, name, functionKinds));
  const rank = Math.min(...found.map((symbol) => symbol.rank));
  const best = found.filter((symbol) => symbol.rank === rank);
  const [symbol] = best;
  if (symbol === undefined) return missing(elf, name);
  const addresses = [...new Set(best.map(({ address }) => address))];
  if (addresses.length > 1) return ambiguous(name, addresses);
  if (best.some(({ kind }) => kind === kinds.indirect)) return indirect(name);
  const size = Math.max(...best.map((one) => one.size));
  if (plus > 0 && plus >= size)
    return {
      problem: `${name} is only ${size} bytes long`,
      hint: `Write a place inside of it, such as ${name} for its beginning.`,
    };
  return offsetAt(elf, symbol.address + plus, name);
}

/** Where the file has what is loaded at an address; undefined: none of these segments does. */
export function offsetIn(segments: readonly Segment[], address: number): number | undefined {
  for (const segment of segments) {
    const inside = address - segment.address;
    if (inside >= 0 && inside < segment.size) return segment.offset + inside;
  }
  return undefined;
}

function offsetAt({ code }: ElfFile, address: number, name: string): FoundFunction | NoFunction {
  const offset = offsetIn(code, address);
  if (offset !== undefined) return { offset, address };
  return {
    problem: `${name} is not in the part that is executed`,
    hint: "Take the address of a function from `readelf -s` or `objdump -d`.",
  };
}

function offsetOf({ code }: ElfFile, offset: number): FoundFunction | NoFunction {
  const segment = segmentAt(code, offset);
  if (segment !== undefined) return { offset, address: segment.address + offset - segment.offset };
  return {
    problem: `nothing is executed at offset 0x${offset.toString(16)}`,
    hint: "An offset counts from the beginning of the file; for addresses as in `objdump -d` write `addrs`.",
  };
}

const segmentAt = (segments: readonly Segment[], offset: number) =>
  segments.find((one) => offset >= one.offset && offset < one.offset + one.size);

/** How far behind a place code is searched. */
const codeBytes = 64 << 10;

/** The code behind the first byte of a place: where an instruction that returns is looked for. */
export function codeBehind({ code }: ElfFile, offset: number): Piece {
  const segment = segmentAt(code, offset);
  const end = segment === undefined ? offset : segment.offset + segment.size;
  return { position: offset + 1, length: Math.max(0, Math.min(codeBytes, end - offset - 1)) };
}

const returnOpcode = 0xc3;

/**
 * An instruction that returns, in the code behind a place. A byte inside of another instruction will do: the
 * processor executes what it is sent to.
 */
export function findReturn(
  place: FoundFunction,
  code: Uint8Array,
  name: string,
): FoundFunction | NoFunction {
  const at = code.indexOf(returnOpcode);
  if (at >= 0) return { offset: place.offset + 1 + at, address: place.address + 1 + at };
  return {
    problem: `there is no instruction behind ${name} that returns`,
    hint: "Write what the registers become, in argRegs.",
  };
}

function missing(elf: ElfFile, name: string): NoFunction {
  const problem = `there is no function ${name}`;
  const near = nearestName(name, similarNames(elf, name));
  if (near !== undefined) return { problem, hint: `Did you mean ${near}?` };
  const hint =
    elf.symbols.length < 2
      ? "Its table of symbols was removed: only functions that it exports have names; others have `offsets` or `addrs`."
      : "Names are in the output of `nm` and `nm -D`, as the compiler wrote them (C++: `_Z…`).";
  return { problem, hint };
}

function ambiguous(name: string, addresses: readonly number[]): NoFunction {
  const shown = addresses.slice(0, 4).map((address) => `0x${address.toString(16)}`);
  return {
    problem: `${addresses.length} functions are named ${name}`,
    hint: `Write the one that you mean by its address: \`addrs: [${shown.join(", ")}${addresses.length > 4 ? ", …" : ""}]\`.`,
  };
}

const indirect = (name: string): NoFunction => ({
  problem: `${name} is chosen among several functions when a program starts`,
  hint: "Hook the function that is chosen, by its own name or its offset, or one that calls it.",
});

/** The address of a variable; undefined: no symbol, or several, say where it is. */
export function findObject({ symbols }: ElfFile, name: string): number | undefined {
  const found = symbols.flatMap((table) => symbolsNamed(table, name, objectKinds));
  const addresses = new Set(found.map(({ address }) => address));
  return addresses.size === 1 ? found[0]?.address : undefined;
}

/** All definitions of that name; those with a version (`name@VERSION`) are included. */
function symbolsNamed(
  table: SymbolTable,
  name: string,
  wantedKinds: ReadonlySet<number>,
): readonly FoundSymbol[] {
  const wanted = Buffer.from(name);
  const found: FoundSymbol[] = [];
  for (const at of entriesOf(table, wantedKinds)) {
    const end = beginsWith(table.names, table.entries.getUint32(at, true), wanted);
    if (end === undefined) continue;
    const byte = table.names[end];
    if (byte !== 0 && byte !== at_) continue;
    const isOld = byte === at_ ? table.names[end + 1] !== at_ : isHidden(table, at);
    found.push({
      address: number64(table.entries, at + 8),
      size: number64(table.entries, at + 16),
      kind: table.entries.getUint8(at + 4) & 15,
      rank: (isOld ? 2 : 0) + (isLocal(table, at) ? 1 : 0),
    });
  }
  return found;
}

const at_ = "@".charCodeAt(0);

/** Positions of the entries of these kinds that this file has. */
function* entriesOf({ entries }: SymbolTable, wantedKinds: ReadonlySet<number>): Iterable<number> {
  for (let at = symbolBytes; at + symbolBytes <= entries.byteLength; at += symbolBytes) {
    const kind = entries.getUint8(at + 4) & 15;
    const section = entries.getUint16(at + 6, true);
    // Labels of other kinds may be of data among the instructions, which a probe would overwrite.
    if (!wantedKinds.has(kind)) continue;
    if (section !== 0 && section < reservedSections) yield at;
  }
}

/** The position behind `wanted`; undefined: another text begins there. */
function beginsWith(bytes: Uint8Array, start: number, wanted: Buffer): number | undefined {
  const end = start + wanted.length;
  if (end >= bytes.length || bytes[start] !== wanted[0]) return undefined;
  return wanted.compare(bytes, start, end) === 0 ? end : undefined;
}

const isLocal = ({ entries }: SymbolTable, at: number) => entries.getUint8(at + 4) >> 4 === 0;

function isHidden({ versions }: SymbolTable, at: number): boolean {
  const place = (at / symbolBytes) * 2;
  if (versions === undefined || place + 2 > versions.byteLength) return false;
  return (versions.getUint16(place, true) & 0x8000) !== 0;
}

const maxSimilar = 10_000;
const maxNameBytes = 128;

/** Names that begin alike, as many as can be compared in a moment. */
function* similarNames({ symbols }: ElfFile, name: string): Iterable<string> {
  const start = Buffer.from(name).subarray(0, 2);
  let left = maxSimilar;
  for (const table of symbols)
    for (const at of entriesOf(table, functionKinds)) {
      const first = table.entries.getUint32(at, true);
      if (beginsWith(table.names, first, start) === undefined) continue;
      if (left-- === 0) return;
      const bytes = table.names.subarray(first, first + maxNameBytes);
      const text = Buffer.from(bytes).toString("utf8").split(/[\0@]/, 1)[0] ?? "";
      if (/^[\x21-\x7e]+$/.test(text) && text.length < maxNameBytes) yield text;
    }
}
