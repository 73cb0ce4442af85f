// SPDX-License-Identifier: Apache-2.0

// S_IFMT of inode(7) in steps of 0o10000.
const kinds = ["?", "p", "c", "?", "d", "?", "b", "?", "-", "?", "l", "?", "s", "?", "?", "?"];
const texts = new Map<number, string>();

/** st_mode in the form of `ls -l`, such as `-rwxr-xr-x`; empty for 0. */
export function fileModeText(mode: number): string {
  let text = texts.get(mode);
  if (text === undefined) {
    text = mode === 0 ? "" : describe(mode);
    if (texts.size < 4096) texts.set(mode, text);
  }
  return text;
}

function describe(mode: number): string {
  const special = [
    [0o4000, "s"],
    [0o2000, "s"],
    [0o1000, "t"],
  ] as const;
  const groups = special.map(([bit, letter], index) => {
    const rwx = (mode >> (6 - 3 * index)) & 7;
    const last =
      (mode & bit) === 0 ? (rwx & 1 ? "x" : "-") : rwx & 1 ? letter : letter.toUpperCase();
    return `${rwx & 4 ? "r" : "-"}${rwx & 2 ? "w" : "-"}${last}`;
  });
  return `${kinds[(mode >> 12) & 15]}${groups.join("")}`;
}
