// SPDX-License-Identifier: Apache-2.0

/** A whole number from 0 to below `below`. */
export type Random = (below: number) => number;

/** The same seed gives the same numbers (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  };
}

const maxBytes = 16 * 1024;
const interesting = [0, 1, 0x7f, 0x80, 0xff];

/** A changed copy: bytes, words, and pieces of this and of another input. */
export function mutate(
  input: Buffer,
  random: Random,
  { other, words }: { readonly other: Buffer; readonly words: readonly Buffer[] },
): Buffer {
  let bytes = Buffer.from(input);
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(bytes.length + 1);
    const length = random(Math.min(64, bytes.length - at) + 1);
    const piece = bytes.subarray(at, at + length);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at + length)];
    const word = words[random(words.length)] ?? Buffer.alloc(0);
    const start = random(other.length + 1);
    const others = other.subarray(start, start + random(128));
    const made: readonly (readonly Buffer[])[] = [
      [head, tail],
      [head, word, bytes.subarray(at)],
      [head, word, tail],
      [head, ...new Array<Buffer>(1 + random(40)).fill(piece), tail],
      [head, ...new Array<Buffer>(1 + random(300)).fill(word), tail],
      [head, others, tail],
      [head, Buffer.from([interesting[random(interesting.length)] ?? 0]), bytes.subarray(at + 1)],
      [head, Buffer.from([random(256)]), bytes.subarray(at + 1)],
    ];
    bytes = Buffer.concat(made[random(made.length)] ?? [bytes]).subarray(0, maxBytes);
  }
  return bytes;
}
