// SPDX-License-Identifier: Apache-2.0
import type { Generator } from "./generators.ts";

/** A parser of outside input, called as its callers do. */
export type Target = {
  readonly name: string;
  /**
   * Throws a finding; a refused input is none. Returns the outcome in a few words: an input with a new
   * outcome is mutated further.
   */
  run(input: Buffer): string;
  /** The start of all mutations. */
  seeds(): readonly Buffer[];
  /** Pieces with a meaning in this language. */
  readonly words: readonly (string | Buffer)[];
  /** Inputs that take parsers of this kind quadratic time, or worse. */
  readonly bombs: Readonly<Record<string, Generator>>;
  /** A harmless input of the same size. */
  readonly innocent: Generator;
};
