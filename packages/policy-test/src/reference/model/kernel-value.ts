// SPDX-License-Identifier: Apache-2.0
import type { ArgType } from "@gander/policy";
import type { Value } from "@gander/sensor/reference";

/**
 * A value of the kernel as far as the model knows it: what hooks get, and what lies behind it. What is left out is
 * not known, and no filter is decided by it.
 */
export type KernelValue = {
  readonly value?: Value;
  /** Of a number: those of its bits that are known; absent: all. */
  readonly known?: bigint;
  /** A null pointer. */
  readonly absent?: true;
  /** That of its C type, for policies that name none. */
  readonly type?: ArgType;
  readonly members?: Readonly<Record<string, KernelValue>>;
};

export const number = (value: number | bigint, type: ArgType = "int"): KernelValue => ({
  value: BigInt(value),
  type,
});

/** A number of which the kernel adds bits of its own. */
export const bits = (value: number, known: number, type: ArgType = "uint32"): KernelValue => ({
  ...{ value: BigInt(value), known: BigInt(known), type },
});

export const text = (value: string): KernelValue => ({ value, type: "string" });

export const structure = (members: Readonly<Record<string, KernelValue>>): KernelValue => ({
  members,
});

export const absent: KernelValue = { absent: true };
export const unknown: KernelValue = {};

/** What the members of a path lead to: `f_path.dentry.d_name.name`. */
export function behind(from: KernelValue, path: string): KernelValue {
  let found = from;
  for (const step of path.split(".")) {
    if (found.absent) return found;
    found = found.members?.[step] ?? unknown;
  }
  return found;
}
