// SPDX-License-Identifier: Apache-2.0

export type Side = 0 | 1;

/** Where an element of a table is. */
export type Place = {
  readonly view: DataView;
  /** Bytes from its start. */
  readonly at: number;
};

/** The memory of an array map. */
export type TableMemory = {
  readonly buffer: ArrayBuffer;
  /** Bytes from one element to the next. */
  readonly stride: number;
};

/** A table with two sides, of which programs read one. */
export interface SidedMemory {
  place(side: Side, index: number): Place;
  /** Fills the side with zeros. */
  clear(side: Side): void;
}

/** An array in which element i of side s is at s * half + i. */
export function halvesOf({ buffer, stride }: TableMemory, half: number): SidedMemory {
  const view = new DataView(buffer);
  return {
    place: (side, index) => ({ view, at: (side * half + index) * stride }),
    clear: (side) => void new Uint8Array(buffer, side * half * stride, half * stride).fill(0),
  };
}
