// SPDX-License-Identifier: Apache-2.0
import { type ErrorCode, GanderError, type GanderErrorDetails } from "@gander/base";

/** One of several reasons: a field and what is wrong with it (`status.details.causes`). */
export type KubeErrorCause = {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
};

export type KubeErrorDetails = GanderErrorDetails & {
  /** HTTP status, or the `code` of a Status object; 0 if no answer came. */
  readonly status?: number;
  /** The Status object's one-word reason such as `Conflict`; empty if there is none. */
  readonly reason?: string;
  readonly causes?: readonly KubeErrorCause[];
  /** The server asked not to be called again for this long. */
  readonly retryAfterMs?: number;
};

/** What the API server answered, or why it didn't. The message can be shown to a person as it is. */
export class KubeError extends GanderError {
  override readonly name: string = "KubeError";
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly KubeErrorCause[];
  readonly retryAfterMs: number;

  constructor(code: ErrorCode, message: string, details: KubeErrorDetails = {}) {
    super(code, message, details);
    this.status = details.status ?? 0;
    this.reason = details.reason ?? "";
    this.causes = details.causes ?? [];
    this.retryAfterMs = details.retryAfterMs ?? 0;
  }
}
