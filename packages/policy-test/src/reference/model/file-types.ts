// SPDX-License-Identifier: Apache-2.0

/** S_IFMT of a file's mode. */
export const fileTypes = {
  pipe: 0o010000,
  character: 0o020000,
  folder: 0o040000,
  block: 0o060000,
  regular: 0o100000,
  link: 0o120000,
  socket: 0o140000,
} as const;

export const fileTypeMask = 0o170000;
