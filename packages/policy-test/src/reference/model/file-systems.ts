// SPDX-License-Identifier: Apache-2.0
import { originPlaces } from "@gander/policy";

/** Kinds of file systems, with the numbers by which the kernel names them (include/uapi/linux/magic.h). */
export const magicNumbers = {
  overlay: 0x794c7630n,
  ext4: 0xef53n,
  tmpfs: 0x01021994n,
  // A tmpfs with device files in it.
  devtmpfs: 0x01021994n,
  ramfs: 0x858458f6n,
  proc: 0x9fa0n,
  sysfs: 0x62656572n,
  devpts: 0x1cd1n,
  cgroup: 0x27e0ebn,
  cgroup2: 0x63677270n,
  tracefs: 0x74726163n,
  debugfs: 0x64626720n,
  securityfs: 0x73636673n,
  mqueue: 0x19800202n,
  bpf: 0xcafe4a11n,
  binfmt_misc: 0x42494e4dn,
  efivarfs: 0xde5e81e4n,
  nsfs: 0x6e736673n,
  sockfs: 0x534f434bn,
} as const;

export type FileSystemName = keyof typeof magicNumbers;

export const isFileSystem = (name: string): name is FileSystemName =>
  Object.hasOwn(magicNumbers, name);

/** Of a file there that no layer of an image has. */
export function originIn(name: FileSystemName): number {
  if (name === "overlay") return originPlaces.layer;
  return name === "tmpfs" || name === "devtmpfs" || name === "ramfs"
    ? originPlaces.memory
    : originPlaces.volume;
}

/** Device files that each container has, and those that a privileged one has. Source: Documentation/admin-guide/devices.txt */
export const devices: Readonly<Record<string, readonly ["character" | "block", number, number]>> = {
  "/mem": ["character", 1, 1],
  "/kmem": ["character", 1, 2],
  "/null": ["character", 1, 3],
  "/port": ["character", 1, 4],
  "/zero": ["character", 1, 5],
  "/full": ["character", 1, 7],
  "/random": ["character", 1, 8],
  "/urandom": ["character", 1, 9],
  "/kmsg": ["character", 1, 11],
  "/tty": ["character", 5, 0],
  "/console": ["character", 5, 1],
  "/ptmx": ["character", 5, 2],
  "/fuse": ["character", 10, 229],
  "/kvm": ["character", 10, 232],
  "/net/tun": ["character", 10, 200],
  "/sda": ["block", 8, 0],
  "/sda1": ["block", 8, 1],
};

/** As the kernel keeps it: 12 bits, then 20. */
export const deviceNumber = (major: number, minor: number): bigint =>
  BigInt(major) * 0x100000n + BigInt(minor);
