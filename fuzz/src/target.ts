// SPDX-License-Identifier: Apache-2.0
import type { Generator } from "./generators.ts";

/** A parser that takes input from outside, called as its callers do. */
export type Target = {
  readonly name: string;
  /**
   * Throws what is a finding; an input that is refused is none. Gives what came out in a few words: an input
   * that something new comes of is mutated further.
   */
  run(input: Buffer): string;
  /** What mutations begin with. */
  seeds(): readonly Buffer[];
  /** Pieces that mean something in this language. */
  readonly words: readonly (string | Buffer)[];
  /** Inputs that parsers of this kind take squared time for, or worse. */
  readonly bombs: Readonly<Record<string, Generator>>;
  /** An input of the same size that is none. */
  readonly innocent: Generator;
};
