// SPDX-License-Identifier: Apache-2.0

/** The flags (abi.gen.ts, configFlags) in `config.flags`; the programs read them at each call. */
export type ConfigFlags = {
  readonly set: SetConfigFlag;
  readonly isSet: (flag: number) => boolean;
};

export type SetConfigFlag = (flag: number, isSet: boolean) => void;

/** @param at - index of `flags` among the words of the `config` map. */
export function createConfigFlags(words: Int32Array, at: number): ConfigFlags {
  return {
    set: (flag, isSet) => {
      if (isSet) Atomics.or(words, at, flag);
      else Atomics.and(words, at, ~flag);
    },
    isSet: (flag) => (Atomics.load(words, at) & flag) !== 0,
  };
}
