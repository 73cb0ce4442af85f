// SPDX-License-Identifier: Apache-2.0
import { type ProbeNote, readProbeNotes } from "./probe-notes.ts";

/** A part of the file that is needed next: its caller reads it, in its own way, and resumes with the bytes. */
export type Piece = { readonly position: number; readonly length: number };
type Reading<T> = Generator<Piece, T, Uint8Array>;

/** What finding a function or a static probe needs of a program or library for x86-64; elf(5). */
export type ElfFile = {
  readonly code: readonly Segment[];
  /** Bytes that are mapped to be written. */
  readonly data: readonly Segment[];
  readonly symbols: readonly SymbolTable[];
  readonly isGo: boolean;
  /** In hexadecimal; undefined: it has none. */
  readonly buildId: string | undefined;
  readonly probes: readonly ProbeNote[];
  readonly problem?: never;
};

/** Bytes of the file that are mapped: `code`, to be executed. */
export type Segment = {
  readonly offset: number;
  readonly address: number;
  readonly size: number;
};

export type SymbolTable = {
  /** Of 24 bytes each. */
  readonly entries: DataView;
  readonly names: Uint8Array;
  /** A number of 16 bits for each entry; bit 15: not what a program without a version gets. */
  readonly versions: DataView | undefined;
};

/** Why the file is of no use, as the end of a sentence: "it is …". */
export type NotElf = { readonly problem: string };

/** Larger tables are not read: they would take that much memory. */
const maxTableBytes = 64 << 20;
const maxHeaders = 0x1000;

const headerBytes = 64;
const segmentBytes = 56;
const sectionBytes = 64;

const machineX86_64 = 62;
const types = { executable: 2, shared: 3 };
const loaded = 1;
const permissions = { executed: 1, written: 2 };
const sectionTypes = { symbols: 2, notes: 7, dynamicSymbols: 11, versions: 0x6fffffff };
const goSections: ReadonlySet<string> = new Set([".gopclntab", ".go.buildinfo"]);

/**
 * Reads the tables of a file that anyone may have written: whatever it holds, reading ends after its headers
 * and a few tables of 64 MiB. It is resumed with fewer bytes than asked for at the end of the file.
 */
export function* readElf(): Reading<ElfFile | NotElf> {
  const header = yield* view(0, headerBytes);
  const problem = header === undefined ? "not a program: it is too short" : problemOf(header);
  if (header === undefined || problem !== undefined) return { problem: problem ?? "" };
  const segments = yield* readSegments(header);
  if (segments === undefined) return { problem: "damaged: its program headers cannot be read" };
  const sections = yield* readSections(header);
  const symbols: SymbolTable[] = [];
  for (const type of [sectionTypes.symbols, sectionTypes.dynamicSymbols]) {
    const table = yield* readSymbols(sections, type);
    if (table === "too large") return { problem: "too large: its table of symbols exceeds 64 MiB" };
    if (table !== undefined) symbols.push(table);
  }
  const isGo = sections.some(({ name }) => goSections.has(name));
  const probes = yield* readProbes(sections);
  if (probes === "too large") return { problem: "too large: its notes of probes exceed 4 MiB" };
  return { ...segments, symbols, isGo, buildId: yield* readBuildId(sections), probes };
}

/** Those of a library with a thousand probes take 100 KiB. */
const maxProbeBytes = 4 << 20;

function* readProbes(sections: readonly Section[]): Reading<readonly ProbeNote[] | "too large"> {
  const section = sections.find(
    ({ name, type }) => name === ".note.stapsdt" && type === sectionTypes.notes,
  );
  if (section === undefined) return [];
  if (section.size > maxProbeBytes) return "too large";
  const bytes = yield* view(section.offset, section.size);
  // An empty section: tools that move the program move it along, and leave the notes as they are.
  const base = sections.find(({ name }) => name === ".stapsdt.base")?.address;
  return bytes === undefined ? [] : [...readProbeNotes(bytes, base)];
}

const maxNoteBytes = 256;

/** A note of the owner "GNU", of type 3. */
function* readBuildId(sections: readonly Section[]): Reading<string | undefined> {
  const section = sections.find(({ name }) => name === ".note.gnu.build-id");
  if (section === undefined || section.size > maxNoteBytes) return undefined;
  const note = yield* view(section.offset, section.size);
  if (note === undefined || note.byteLength < 16) return undefined;
  const size = note.getUint32(4, true);
  const isBuildId = note.getUint32(0, true) === 4 && note.getUint32(8, true) === 3;
  if (!isBuildId || size > note.byteLength - 16) return undefined;
  return Buffer.from(note.buffer, note.byteOffset + 16, size).toString("hex");
}

function problemOf(header: DataView): string | undefined {
  if (header.getUint32(0) !== 0x7f454c46) return "not a program: it is no ELF file";
  if (header.getUint8(4) !== 2 || header.getUint8(5) !== 1)
    return "a program of 32 bits or of another machine";
  const type = header.getUint16(16, true);
  if (type !== types.executable && type !== types.shared)
    return "neither a program nor a shared library";
  return header.getUint16(18, true) === machineX86_64 ? undefined : "for another machine";
}

function* readSegments(
  header: DataView,
): Reading<{ readonly code: Segment[]; readonly data: Segment[] } | undefined> {
  const count = header.getUint16(56, true);
  if (header.getUint16(54, true) !== segmentBytes || count > maxHeaders) return undefined;
  const table = yield* view(number64(header, 32), count * segmentBytes);
  if (table === undefined) return undefined;
  const found = { code: [] as Segment[], data: [] as Segment[] };
  for (let at = 0; at < table.byteLength; at += segmentBytes) {
    if (table.getUint32(at, true) !== loaded) continue;
    const flags = table.getUint32(at + 4, true);
    const segment = {
      offset: number64(table, at + 8),
      address: number64(table, at + 16),
      size: number64(table, at + 32),
    };
    if (flags & permissions.executed) found.code.push(segment);
    if (flags & permissions.written) found.data.push(segment);
  }
  return found;
}

type Section = {
  readonly name: string;
  readonly type: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entrySize: number;
};

/** None if they were removed. */
function* readSections(header: DataView): Reading<readonly Section[]> {
  const count = header.getUint16(60, true);
  if (header.getUint16(58, true) !== sectionBytes || count > maxHeaders) return [];
  const table = yield* view(number64(header, 40), count * sectionBytes);
  if (table === undefined) return [];
  const sections = Array.from({ length: count }, (_, i) => sectionAt(table, i * sectionBytes));
  const names = yield* bytesOf(sections[header.getUint16(62, true)]);
  return sections.map(({ nameAt, ...section }) => ({
    ...section,
    name: names === "too large" ? "" : shortText(names, nameAt),
  }));
}

function sectionAt(table: DataView, at: number) {
  return {
    nameAt: table.getUint32(at, true),
    type: table.getUint32(at + 4, true),
    address: number64(table, at + 16),
    offset: number64(table, at + 24),
    size: number64(table, at + 32),
    link: table.getUint32(at + 40, true),
    entrySize: number64(table, at + 56),
  };
}

function* readSymbols(
  sections: readonly Section[],
  type: number,
): Reading<SymbolTable | "too large" | undefined> {
  const index = sections.findIndex((section) => section.type === type);
  const section = sections[index];
  if (section === undefined || section.entrySize !== symbolBytes) return undefined;
  const numbers = sections.find((one) => one.type === sectionTypes.versions && one.link === index);
  const entries = yield* bytesOf(section);
  const names = yield* bytesOf(sections[section.link]);
  const versions = yield* bytesOf(numbers);
  if (entries === "too large" || names === "too large" || versions === "too large")
    return "too large";
  if (entries === undefined || names === undefined) return undefined;
  return { entries: viewOf(entries), names, versions: versions && viewOf(versions) };
}

/** Of an entry in a table of symbols. */
export const symbolBytes = 24;

/** Undefined: the file has no such bytes. */
function* view(position: number, length: number): Reading<DataView | undefined> {
  if (!Number.isSafeInteger(position + length)) return undefined;
  const bytes = yield { position, length };
  return bytes.length === length ? viewOf(bytes) : undefined;
}

function* bytesOf(
  section: Pick<Section, "offset" | "size"> | undefined,
): Reading<Uint8Array | "too large" | undefined> {
  if (section === undefined) return undefined;
  if (section.size > maxTableBytes) return "too large";
  const found = yield* view(section.offset, section.size);
  return found && new Uint8Array(found.buffer, found.byteOffset, found.byteLength);
}

const viewOf = (bytes: Uint8Array) =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Numbers beyond 2^53 lose digits, and are beyond any file anyway. */
export const number64 = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));

const maxSectionName = 32;

function shortText(bytes: Uint8Array | undefined, at: number): string {
  const text = Buffer.from(bytes?.subarray(at, at + maxSectionName) ?? []).toString("latin1");
  return text.split("\0", 1)[0] ?? "";
}
