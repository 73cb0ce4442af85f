// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { type ServiceError, status } from "@grpc/grpc-js";

/** The answer to a failed call: a gRPC status and a text for people. */
export class CallProblem extends Error {
  override readonly name = "CallProblem";
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/** For anything thrown. Failures of the API server or of another replica may be temporary. */
export function statusOf(error: unknown): { readonly code: status; readonly details: string } {
  if (error instanceof CallProblem) return { code: error.code, details: error.message };
  if (isServiceError(error)) return { code: error.code, details: error.details };
  if (error instanceof GanderError && error.retryable)
    return { code: status.UNAVAILABLE, details: `${error.message}; try again` };
  const details = error instanceof Error ? error.message : String(error);
  return { code: status.INTERNAL, details };
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "details" in error && "code" in error && "metadata" in error;
}
