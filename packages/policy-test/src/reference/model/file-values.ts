// SPDX-License-Identifier: Apache-2.0
import { originUnlinked } from "@gander/policy";
import type { FileFacts } from "./container-files.ts";
import { fileTypeMask } from "./file-types.ts";
import { bits, type KernelValue, number, structure, text, unknown } from "./kernel-value.ts";

/** Flags of open(2). */
export const openFlags = {
  read: 0,
  write: 1,
  readWrite: 2,
  create: 0o100,
  exclusive: 0o200,
  truncate: 0o1000,
  append: 0o2000,
} as const;

/** Flags that files keep as they were given; the kernel adds others. */
const keptFlags = 0o3303;
/** FMODE_READ, FMODE_WRITE and FMODE_EXEC: what else is in f_mode depends on the file. */
const knownModes = 0x23;

type Opened = { readonly flags?: number; readonly forExec?: true; readonly unlinked?: true };

const fileItself = (
  { mode, origin }: FileFacts,
  path: string | undefined,
  { unlinked }: Opened,
) => ({
  value: {
    fileType: (mode ?? 0) & fileTypeMask,
    origin: origin + (unlinked ? originUnlinked : 0),
    ...(path === undefined ? {} : { path: unlinked ? `${path} (deleted)` : path }),
  },
});

function inodeValue({ mode, device, magic }: FileFacts): KernelValue {
  return structure({
    i_mode: mode === undefined ? unknown : number(mode, "uint16"),
    i_rdev: device === undefined ? unknown : number(device, "uint32"),
    i_sb: superBlock(magic),
    i_uid: structure({ val: number(0, "uint32") }),
    i_gid: structure({ val: number(0, "uint32") }),
  });
}

const superBlock = (magic: bigint) => structure({ s_magic: number(magic, "uint64") });

/** struct dentry */
export function dentryValue(file: FileFacts, opened: Opened = {}): KernelValue {
  return {
    ...{ type: "dentry", ...fileItself(file, file.inside, opened) },
    members: {
      d_name: structure({ name: text(file.name) }),
      d_sb: superBlock(file.magic),
      d_inode: inodeValue(file),
    },
  };
}

/** struct path */
export const pathValue = (file: FileFacts, opened: Opened = {}): KernelValue => ({
  ...{ type: "path", ...fileItself(file, file.path, opened) },
  members: { dentry: dentryValue(file, opened), mnt: unknown },
});

/** struct file */
export function fileValue(file: FileFacts, opened: Opened = {}): KernelValue {
  const { flags = 0, forExec } = opened;
  const mode = ((flags & 3) + 1) | (forExec ? 0x20 : 0);
  return {
    ...{ type: "file", ...fileItself(file, file.path, opened) },
    members: {
      f_path: pathValue(file, opened),
      f_inode: inodeValue(file),
      f_mode: bits(mode, knownModes),
      f_flags: bits(flags, keptFlags),
    },
  };
}
