// SPDX-License-Identifier: Apache-2.0

/** Why an expression is refused: thrown while it is read, and reported as a problem of the policy. */
export class ExpressionError extends Error {
  /** Offset of the wrong part in the expression. */
  readonly at: number;
  readonly hint: string;

  constructor(at: number, message: string, hint: string) {
    super(message);
    this.at = at;
    this.hint = hint;
  }
}
