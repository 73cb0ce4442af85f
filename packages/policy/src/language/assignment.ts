// SPDX-License-Identifier: Apache-2.0

/** What a register of a program becomes; names are those of `registerParts`. */
export type Assignment = {
  readonly to: string;
  /** Absent: `add` alone is the value. */
  readonly from?: string;
  /** The value is in memory: `from` plus `add` is its address. */
  readonly inMemory?: true;
  readonly add: bigint;
};

/** As in policies: `rax=1`, `rsp=8%rsp`, `rip=8(%rsp)`. */
export function assignmentText({ to, from, inMemory, add }: Assignment): string {
  const number = add === 0n && from !== undefined ? "" : `${add}`;
  if (from === undefined) return `${to}=${number}`;
  return `${to}=${number}${inMemory ? `(%${from})` : `%${from}`}`;
}
