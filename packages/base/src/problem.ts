// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from "./error-codes.ts";

/** `error` rejects the input, `warning` is probably not what was meant, `note` is for information. */
export type Severity = "error" | "warning" | "note";

/** One thing that is wrong with something a person wrote. */
export type Problem = {
  /** Where the text came from; empty if it came from no file. */
  readonly file: string;
  /** Place inside the document, e.g. `spec.kprobes[0].call`; for an option its name. */
  readonly path: string;
  /** 1-based; 0 when the problem has no place in a text. */
  readonly line: number;
  /** 1-based, in UTF-16 units as editors count them; 0 when the problem has no place in a text. */
  readonly column: number;
  readonly code: ErrorCode;
  /** What is wrong, without a closing full stop. */
  readonly message: string;
  /** What to write or do instead; empty if the message already says it. */
  readonly hint: string;
  readonly severity: Severity;
};

/** Input from people never throws: it gives a value, or all of its problems at once. */
export type Result<T> =
  | { readonly value: T; readonly problems?: never }
  | { readonly value?: never; readonly problems: readonly Problem[] };
