// SPDX-License-Identifier: Apache-2.0

/**
 * Where the content of a file comes from, as the programs number it (`enum origin` in bpf/abi.h): one of the places,
 * and `originUnlinked` added to it.
 */
export const originPlaces = { image: 0, layer: 1, memory: 2, volume: 3 } as const;

export const originUnlinked = 4;

/** For people: what a file is. */
export const originTexts = {
  image: "in a lower layer of an overlay: the container's image has it",
  layer: "anywhere else in an overlay: added to the container, or changed there",
  memory:
    "in a file system in memory: tmpfs such as `/dev/shm`, an `emptyDir` with `medium: Memory`, a memfd",
  volume: "in any other file system: a volume of the pod, the node's own",
  unlinked:
    "in one of these, but no folder has a name of it: it was deleted, or never had one (memfd, `O_TMPFILE`)",
} as const satisfies Readonly<Record<OriginWord, string>>;

export type OriginWord = keyof typeof originPlaces | "unlinked";

/** The words for it in policies. */
export const originWords = [
  ...Object.keys(originPlaces),
  "unlinked",
] as readonly string[] as readonly OriginWord[];

/** All numbers that the word stands for, in ascending order. */
export function originNumbers(word: OriginWord): readonly number[] {
  const places = Object.values(originPlaces);
  if (word === "unlinked") return places.map((place) => place + originUnlinked);
  return [originPlaces[word], originPlaces[word] + originUnlinked];
}
