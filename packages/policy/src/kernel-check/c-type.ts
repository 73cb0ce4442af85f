// SPDX-License-Identifier: Apache-2.0

/** A C type, as seen by an argument of a policy. */
export type CType = {
  /** Without qualifiers, evenly spaced: `struct file *`. */
  readonly name: string;
  readonly kind: "integer" | "pointer" | "structure" | "void" | "unknown";
  /** Integers only. */
  readonly bits?: 8 | 16 | 32 | 64;
  readonly signed?: boolean;
};

/** Integer types of the kernel by name: width and sign. x86-64 and arm64 agree on all of them. */
const integers: Readonly<Record<string, readonly [8 | 16 | 32 | 64, boolean]>> = {
  char: [8, true],
  "signed char": [8, true],
  "unsigned char": [8, false],
  bool: [8, false],
  _Bool: [8, false],
  short: [16, true],
  "short int": [16, true],
  "unsigned short": [16, false],
  "short unsigned int": [16, false],
  int: [32, true],
  "unsigned int": [32, false],
  unsigned: [32, false],
  long: [64, true],
  "long int": [64, true],
  "unsigned long": [64, false],
  "long unsigned int": [64, false],
  "long long": [64, true],
  "long long int": [64, true],
  "unsigned long long": [64, false],
  "long long unsigned int": [64, false],
  s8: [8, true],
  u8: [8, false],
  s16: [16, true],
  u16: [16, false],
  s32: [32, true],
  u32: [32, false],
  s64: [64, true],
  u64: [64, false],
  __s8: [8, true],
  __u8: [8, false],
  __s16: [16, true],
  __u16: [16, false],
  __s32: [32, true],
  __u32: [32, false],
  __s64: [64, true],
  __u64: [64, false],
  int8_t: [8, true],
  uint8_t: [8, false],
  int16_t: [16, true],
  uint16_t: [16, false],
  int32_t: [32, true],
  uint32_t: [32, false],
  int64_t: [64, true],
  uint64_t: [64, false],
  size_t: [64, false],
  ssize_t: [64, true],
  loff_t: [64, true],
  off_t: [64, true],
  uintptr_t: [64, false],
  sector_t: [64, false],
  umode_t: [16, false],
  mode_t: [32, false],
  dev_t: [32, false],
  pid_t: [32, true],
  uint: [32, false],
  ulong: [64, false],
  gfp_t: [32, false],
  fmode_t: [32, false],
  key_serial_t: [32, true],
  qid_t: [32, false],
  time64_t: [64, true],
  ktime_t: [64, true],
  __be16: [16, false],
  __be32: [32, false],
  __be64: [64, false],
  __le16: [16, false],
  __le32: [32, false],
  __le64: [64, false],
};

/** Parses a type in C's or BTF's notation; an unfamiliar one is `unknown`, never wrong. */
export function readCType(text: string): CType {
  const name = text
    .replace(/\b(const|volatile|restrict|__user|__rcu)\b/g, " ")
    .replace(/\s*\*\s*/g, " *")
    .replace(/\* (?=\*)/g, "*")
    .replace(/\s+/g, " ")
    .trim();
  if (name.endsWith("*") || name.includes("( *") || name.endsWith("]"))
    return { name, kind: "pointer" };
  if (name === "void") return { name, kind: "void" };
  if (/^enum\b/.test(name)) return { name, kind: "integer", bits: 32, signed: false };
  if (/^(struct|union)\b/.test(name)) return { name, kind: "structure" };
  const integer = Object.hasOwn(integers, name) ? integers[name] : undefined;
  return integer
    ? { name, kind: "integer", bits: integer[0], signed: integer[1] }
    : { name, kind: "unknown" };
}
