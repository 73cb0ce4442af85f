// SPDX-License-Identifier: Apache-2.0

/** An input of about `size` bytes. */
export type Generator = (size: number) => string | Buffer;

export const repeated = (piece: string, size: number): string =>
  piece.repeat(Math.floor(size / piece.length));

/** Pieces by their number, until the size is reached. */
export function series(size: number, piece: (i: number) => string): string {
  const pieces: string[] = [];
  for (let length = 0; length < size; ) {
    const next = piece(pieces.length);
    pieces.push(next);
    length += next.length;
  }
  return pieces.join("");
}
