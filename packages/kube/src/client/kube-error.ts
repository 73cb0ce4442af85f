// SPDX-License-Identifier: Apache-2.0
import { type ErrorCode, GanderError, type GanderErrorDetails } from "@gander/base";

/** One of several reasons: a field and its problem (`status.details.causes`). */
export type KubeErrorCause = {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
};

type KubeErrorDetails = GanderErrorDetails & {
  /** HTTP status, or the `code` of a Status object; 0 without a response. */
  readonly status?: number;
  /** The Status object's one-word reason such as `Conflict`; empty if there is none. */
  readonly reason?: string;
  readonly causes?: readonly KubeErrorCause[];
  /** How long the server asked the client to wait. */
  readonly retryAfterMs?: number;
};

/** The API server's error, or why there was no response. The message can be shown to people as it is. */
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
