// SPDX-License-Identifier: Apache-2.0

/** A static probe as its program describes it, one of possibly many places with the same name. */
export type ProbeNote = {
  readonly provider: string;
  readonly name: string;
  /** Addresses as the program is linked; counter 0: it has none. */
  readonly address: number;
  readonly counter: number;
  /** Such as `-4@%edi 8@$7`. */
  readonly args: string;
};

const headerBytes = 12;
const owner = "stapsdt\0";
const noteType = 3;
const addressBytes = 8;
const wordBytes = 4;
const maxTextBytes = 4096;

/**
 * Reads notes of the owner "stapsdt": three addresses (the place, the base as it was linked, the counter), then
 * three texts that end with NUL. Whoever made the file wrote them: reading ends at the first that is damaged.
 * @param base the address of .stapsdt.base; where it differs from that in a note, all have been moved.
 */
export function* readProbeNotes(bytes: DataView, base: number | undefined): Generator<ProbeNote> {
  for (let at = 0; at + headerBytes <= bytes.byteLength; ) {
    const nameSize = bytes.getUint32(at, true);
    const size = bytes.getUint32(at + 4, true);
    const start = at + headerBytes + padded(nameSize);
    if (start + size > bytes.byteLength) return;
    const isProbe =
      bytes.getUint32(at + 8, true) === noteType &&
      textAt(bytes, at + headerBytes, nameSize) === owner;
    const note = isProbe ? readNote(bytes, start, size, base) : undefined;
    if (note !== undefined) yield note;
    at = start + padded(size);
  }
}

const padded = (size: number) => Math.ceil(size / wordBytes) * wordBytes;

function readNote(
  bytes: DataView,
  start: number,
  size: number,
  base: number | undefined,
): ProbeNote | undefined {
  const textStart = 3 * addressBytes;
  if (size < textStart || size > textStart + maxTextBytes) return undefined;
  const [provider, name, args] = textAt(bytes, start + textStart, size - textStart).split("\0");
  if (!provider || !name || args === undefined) return undefined;
  const linkedBase = number64(bytes, start + addressBytes);
  const moved = base === undefined || linkedBase === 0 ? 0 : base - linkedBase;
  const counter = number64(bytes, start + 2 * addressBytes);
  return {
    ...{ provider, name, args },
    address: number64(bytes, start) + moved,
    counter: counter === 0 ? 0 : counter + moved,
  };
}

const number64 = (bytes: DataView, at: number): number => Number(bytes.getBigUint64(at, true));

const textAt = (bytes: DataView, at: number, size: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, size).toString("utf8");
