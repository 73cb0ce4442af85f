// SPDX-License-Identifier: Apache-2.0

/** Identifies a file by the kernel's numbers (bpf/abi.h: struct file_identity). */
export type FileIdentity = {
  readonly inode: bigint;
  /** major << 20 | minor; differs from stat(2) on btrfs and overlayfs. */
  readonly device: number;
  /** Changes when the inode number is reused. */
  readonly generation: number;
};

/** The file at a path of the host; until it is released, no other file has its identity. */
export type FoundFile = { readonly identity: FileIdentity; release(): void };

/** Why no file was found. `unanswered`: its file system does not answer. */
export type NoFile = { readonly reason: string; readonly unanswered: boolean };

export function fileText({ device, inode, generation }: FileIdentity): string {
  return `${device}/${inode}/${generation}`;
}
