// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from "./error-codes.ts";

export type GanderErrorDetails = {
  /** What to do about it. */
  readonly hint?: string;
  /** Whether the same call may succeed later without anybody acting. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
};

/**
 * The one error class. `message` says what failed and why in active voice
 * ("Cannot load policy \"x\": …"); `code` is listed in docs/reference/errors.md.
 */
export class GanderError extends Error {
  override readonly name: string = "GanderError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, details: GanderErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint ?? "";
    this.retryable = details.retryable ?? false;
  }
}
