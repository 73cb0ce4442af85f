// SPDX-License-Identifier: Apache-2.0
// For tests of what reads programs: one in memory, and programs that are made for the purpose.
import { type ElfFile, type NotElf, readElf } from "../src/elf/elf-file.ts";

export function elfOf(bytes: Uint8Array): ElfFile | NotElf {
  const reading = readElf();
  for (let next = reading.next(); ; ) {
    if (next.done) return next.value;
    const { position, length } = next.value;
    next = reading.next(bytes.subarray(position, position + length));
  }
}

export type MadeSymbol = {
  readonly name: string;
  readonly address: number;
  readonly size?: number;
  readonly local?: boolean;
  readonly indirect?: boolean;
  readonly undefined?: boolean;
  /** No function. */
  readonly label?: boolean;
  readonly variable?: boolean;
  /** Not what programs get that name no version. */
  readonly hidden?: boolean;
};

export type MadeProgram = {
  readonly symbols?: readonly MadeSymbol[];
  readonly dynamic?: readonly MadeSymbol[];
  readonly sections?: readonly string[];
  readonly buildId?: Uint8Array;
  readonly probes?: readonly MadeProbe[];
  /** Content of the section with notes of probes, instead of `probes`. */
  readonly probeNotes?: Uint8Array;
  /** The address of .stapsdt.base. */
  readonly probeBase?: number;
};

export type MadeProbe = {
  readonly provider: string;
  readonly name: string;
  readonly address: number;
  readonly base?: number;
  readonly counter?: number;
  readonly args?: string;
};

/** A note of the owner "stapsdt", padded to whole words. */
export function probeNote({
  provider,
  name,
  address,
  base = 0,
  counter = 0,
  args = "",
}: MadeProbe): Buffer {
  const addresses = Buffer.alloc(24);
  for (const [i, number] of [address, base, counter].entries())
    addresses.writeBigUInt64LE(BigInt(number), 8 * i);
  const content = Buffer.concat([addresses, Buffer.from(`${provider}\0${name}\0${args}\0`)]);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(8, 0);
  head.writeUInt32LE(content.length, 4);
  head.writeUInt32LE(3, 8);
  const padding = Buffer.alloc(-content.length & 3);
  return Buffer.concat([head, Buffer.from("stapsdt\0"), content, padding]);
}

const codeAt = { offset: 0x1000, address: 0x401000, size: 0x1000 };
const dataAt = { offset: 0x800, address: 0x602000, size: 0x100 };
const sectionBytes = 64;

/** A program with code of 4 KiB at address 0x401000 and offset 0x1000, and data at 0x602000 and offset 0x800. */
export function buildElf(made: MadeProgram): Buffer {
  const { symbols, dynamic, sections: names = [], buildId, probes, probeBase } = made;
  const parts: Buffer[] = [Buffer.alloc(codeAt.offset + codeAt.size)];
  let end = codeAt.offset + codeAt.size;
  const sections: {
    readonly name: string;
    readonly type: number;
    readonly bytes: Buffer;
    readonly link?: number;
    readonly entry?: number;
    readonly address?: number;
  }[] = [{ name: "", type: 0, bytes: Buffer.alloc(0) }];
  const addSymbols = (all: readonly MadeSymbol[] | undefined, name: string, type: number) => {
    if (all === undefined) return;
    const texts = Buffer.from(`\0${all.map((one) => `${one.name}\0`).join("")}`);
    const entries = Buffer.alloc(24 * (all.length + 1));
    const versions = Buffer.alloc(2 * (all.length + 1));
    all.forEach((one, i) => {
      const at = 24 * (i + 1);
      entries.writeUInt32LE(texts.indexOf(`\0${one.name}\0`) + 1, at);
      const kind = one.label ? 0 : one.variable ? 1 : one.indirect ? 10 : 2;
      entries.writeUInt8((one.local ? 0 : 0x10) | kind, at + 4);
      entries.writeUInt16LE(one.undefined ? 0 : 1, at + 6);
      entries.writeBigUInt64LE(BigInt(one.address), at + 8);
      entries.writeBigUInt64LE(BigInt(one.size ?? 16), at + 16);
      versions.writeUInt16LE(one.hidden ? 0x8002 : 2, 2 * (i + 1));
    });
    const link = sections.length + 1;
    sections.push({ name, type, bytes: entries, link, entry: 24 });
    sections.push({ name: `${name}.names`, type: 3, bytes: texts });
    if (type === 11)
      sections.push({ name: ".gnu.version", type: 0x6fffffff, bytes: versions, link: link - 1 });
  };
  addSymbols(symbols, ".symtab", 2);
  addSymbols(dynamic, ".dynsym", 11);
  for (const name of names) sections.push({ name, type: 1, bytes: Buffer.alloc(8) });
  if (buildId !== undefined) {
    const head = Buffer.from([
      4,
      0,
      0,
      0,
      buildId.length,
      0,
      0,
      0,
      3,
      0,
      0,
      0,
      0x47,
      0x4e,
      0x55,
      0,
    ]);
    sections.push({ name: ".note.gnu.build-id", type: 7, bytes: Buffer.concat([head, buildId]) });
  }
  const notes = made.probeNotes ?? (probes && Buffer.concat(probes.map(probeNote)));
  if (notes !== undefined)
    sections.push({ name: ".note.stapsdt", type: 7, bytes: Buffer.from(notes) });
  if (probeBase !== undefined)
    sections.push({ name: ".stapsdt.base", type: 1, bytes: Buffer.alloc(1), address: probeBase });
  const nameTexts = Buffer.from(
    `\0${[...sections.map(({ name }) => name), ".shstrtab"].map((name) => `${name}\0`).join("")}`,
  );
  sections.push({ name: ".shstrtab", type: 3, bytes: nameTexts });
  const table = Buffer.alloc(sectionBytes * sections.length);
  sections.forEach(({ name, type, bytes, link = 0, entry = 0, address = 0 }, i) => {
    const at = sectionBytes * i;
    table.writeUInt32LE(name === "" ? 0 : nameTexts.indexOf(`\0${name}\0`) + 1, at);
    table.writeUInt32LE(type, at + 4);
    table.writeBigUInt64LE(BigInt(address), at + 16);
    table.writeBigUInt64LE(BigInt(end), at + 24);
    table.writeBigUInt64LE(BigInt(bytes.length), at + 32);
    table.writeUInt32LE(link, at + 40);
    table.writeBigUInt64LE(BigInt(entry), at + 56);
    parts.push(bytes);
    end += bytes.length;
  });
  const file = Buffer.concat([...parts, table]);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(62, 18);
  file.writeBigUInt64LE(64n, 32);
  file.writeBigUInt64LE(BigInt(end), 40);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  file.writeUInt16LE(sectionBytes, 58);
  file.writeUInt16LE(sections.length, 60);
  file.writeUInt16LE(sections.length - 1, 62);
  file.writeUInt32LE(1, 64);
  file.writeUInt32LE(5, 68);
  file.writeBigUInt64LE(BigInt(codeAt.offset), 72);
  file.writeBigUInt64LE(BigInt(codeAt.address), 80);
  file.writeBigUInt64LE(BigInt(codeAt.size), 96);
  file.writeUInt32LE(1, 120);
  file.writeUInt32LE(6, 124);
  file.writeBigUInt64LE(BigInt(dataAt.offset), 128);
  file.writeBigUInt64LE(BigInt(dataAt.address), 136);
  file.writeBigUInt64LE(BigInt(dataAt.size), 152);
  return file;
}
