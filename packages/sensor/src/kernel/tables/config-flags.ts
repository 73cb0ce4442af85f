// SPDX-License-Identifier: Apache-2.0

/** Sets or clears a flag (abi.gen.ts, configFlags) in `config.flags`, which the programs read at each call. */
export type SetConfigFlag = (flag: number, isSet: boolean) => void;

/** @param at - which of the words of the `config` map is `flags`. */
export function createConfigFlags(words: Int32Array, at: number): SetConfigFlag {
  return (flag, isSet) => {
    if (isSet) Atomics.or(words, at, flag);
    else Atomics.and(words, at, ~flag);
  };
}
