// SPDX-License-Identifier: Apache-2.0

/**
 * "FORMAT": the bytes aren't BTF, or are cut; "TYPE": a type isn't there, is of another kind than was
 * asked for, or doesn't end.
 */
export type BtfErrorCode = "FORMAT" | "TYPE";

/** Every error of this package. */
export class BtfError extends Error {
  override readonly name: string = "BtfError";
  readonly code: BtfErrorCode;

  constructor(code: BtfErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function typeError(message: string): BtfError {
  return new BtfError("TYPE", message);
}
