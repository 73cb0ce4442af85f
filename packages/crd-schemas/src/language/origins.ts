// SPDX-License-Identifier: Apache-2.0

/**
 * Where the content of a file comes from, as the programs number it (`enum origin` in bpf/abi.h): one of the places,
 * and `unlinked` added to it.
 */
export const originPlaces = { image: 0, layer: 1, memory: 2, volume: 3 } as const;

export const unlinked = 4;

/** The words for it in policies. */
export const originWords = [...Object.keys(originPlaces), "unlinked"] as readonly (
  | keyof typeof originPlaces
  | "unlinked"
)[];

export type OriginWord = (typeof originWords)[number];

/** All numbers that the word stands for, in ascending order. */
export function originNumbers(word: OriginWord): readonly number[] {
  const places = Object.values(originPlaces);
  if (word === "unlinked") return places.map((place) => place + unlinked);
  return [originPlaces[word], originPlaces[word] + unlinked];
}
