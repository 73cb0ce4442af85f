// SPDX-License-Identifier: Apache-2.0
import { mark } from "./abi.gen.ts";

type Marking = {
  /** Negative errno; 0: none. */
  readonly error: number;
  readonly signal: number;
};

/** What is to happen to a marked call, as a verdict has it. */
export const markOf = ({ error, signal }: Marking): number => (-error << 8) | signal;

/** A mark as the programs keep it: of the policy with that number. */
export const markOfPolicy = (id: number, marking: Marking): bigint =>
  withPolicy(id, markOf(marking));

export const withPolicy = (id: number, marking: number): bigint =>
  (BigInt(id) << BigInt(mark.MARK_POLICY_SHIFT)) | BigInt(marking);
