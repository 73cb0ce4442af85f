// SPDX-License-Identifier: Apache-2.0

/** A file itself, in the kernel's numbers (bpf/abi.h: struct file_identity). */
export type FileIdentity = {
  readonly inode: bigint;
  /** major << 20 | minor; not what stat(2) shows on btrfs and overlayfs. */
  readonly device: number;
  /** Another one when the inode number is used again. */
  readonly generation: number;
};

/** The file that is at a path of the host; until it is released no other has its identity. */
export type FoundFile = { readonly identity: FileIdentity; release(): void };

/** Why there is none. `unanswered`: its file system says nothing. */
export type NoFile = { readonly reason: string; readonly unanswered: boolean };

export function fileText({ device, inode, generation }: FileIdentity): string {
  return `${device}/${inode}/${generation}`;
}
