// SPDX-License-Identifier: Apache-2.0

/** How a process became known and what is missing about it; bits of `ProcessEntry.flags`. */
export const processFlag = {
  execve: 1,
  procFS: 1 << 1,
  truncFilename: 1 << 2,
  truncArgs: 1 << 3,
  errorFilename: 1 << 5,
  errorArgs: 1 << 6,
  rootcwd: 1 << 7,
  errorCWD: 1 << 8,
  clone: 1 << 9,
  unknown: 1 << 10,
  inInitTree: 1 << 11,
  forgeableBinary: 1 << 12,
  beforePolicies: 1 << 13,
} as const;

const words = Object.entries(processFlag);
const texts = new Map<number, string>();

/** The words of the field `flags`, in the order above. */
export function flagsText(flags: number): string {
  let text = texts.get(flags);
  if (text === undefined) {
    text = words.flatMap(([word, bit]) => ((flags & bit) === 0 ? [] : [word])).join(" ");
    texts.set(flags, text);
  }
  return text;
}
