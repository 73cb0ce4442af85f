// SPDX-License-Identifier: Apache-2.0

/** Sets or clears a flag (abi.gen.ts, configFlags) in `config.flags`; the programs read it at each call. */
export type SetConfigFlag = (flag: number, isSet: boolean) => void;

/** @param at - index of `flags` among the words of the `config` map. */
export function createConfigFlags(words: Int32Array, at: number): SetConfigFlag {
  return (flag, isSet) => {
    if (isSet) Atomics.or(words, at, flag);
    else Atomics.and(words, at, ~flag);
  };
}
