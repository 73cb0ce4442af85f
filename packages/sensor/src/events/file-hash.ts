// SPDX-License-Identifier: Apache-2.0
import { hashResult, recordLimits } from "../link/abi.gen.ts";
import type { RecordOffsets } from "../records/record-layouts.ts";
import type { RecordReader } from "../records/record-reader.ts";

/** Why an event that a policy wants with a hash has none. */
export const unhashedReasons = [
  /** No program has hashed the file. */
  "skipped",
  /** The call is about no file, or not about a regular one. */
  "no-file",
  /** The file lies in a file system that may wait for others. */
  "file-system",
  "too-large",
  /** The file is not open for reading. */
  "not-readable",
  /** The kernel could not hash it. */
  "failed",
  /** There was no memory for it. */
  "memory",
  /** The hash did not arrive in time. */
  "late",
] as const;
export type Unhashed = (typeof unhashedReasons)[number];

type FileHash =
  | { readonly hash: string; readonly unhashed?: never }
  | { readonly unhashed: Unhashed };

const results = new Map<number, Unhashed>([
  [hashResult.HASH_SKIPPED, "skipped"],
  [hashResult.HASH_NO_FILE, "no-file"],
  [hashResult.HASH_FILE_SYSTEM, "file-system"],
  [hashResult.HASH_TOO_LARGE, "too-large"],
  [hashResult.HASH_NOT_READABLE, "not-readable"],
]);

/** enum hash_algo of linux/hash_info.h with the bytes of a digest: those that IMA can be configured to use. */
const algorithms = new Map<number, readonly [name: string, bytes: number]>([
  [1, ["md5", 16]],
  [2, ["sha1", 20]],
  [3, ["rmd160", 20]],
  [4, ["sha256", 32]],
  [5, ["sha384", 48]],
  [6, ["sha512", 64]],
  [7, ["sha224", 28]],
  [11, ["wp256", 32]],
  [12, ["wp384", 48]],
  [13, ["wp512", 64]],
  [17, ["sm3", 32]],
  [18, ["streebog256", 32]],
  [19, ["streebog512", 64]],
  [20, ["sha3-256", 32]],
  [21, ["sha3-384", 48]],
  [22, ["sha3-512", 64]],
]);

/** What the RECORD_HASH at `reader` says. */
export function readFileHash(reader: RecordReader, { hash }: RecordOffsets): FileHash {
  const result = reader.u8(hash.result);
  if (result !== hashResult.HASH_DONE) return { unhashed: results.get(result) ?? "failed" };
  const [name, bytes] = algorithms.get(reader.u8(hash.algorithm)) ?? [
    "unknown",
    recordLimits.HASH_SIZE,
  ];
  const start = reader.base + hash.digest;
  return { hash: `${name}:${reader.buffer.toString("hex", start, start + bytes)}` };
}
