// SPDX-License-Identifier: Apache-2.0
import { constants } from "node:os";

/**
 * What went wrong: the kernel's own name of the error ("EPERM", "E2BIG"), or one of
 * "CLOSED" (a handle was used after it was closed), "ARGUMENT" (a value of a wrong type, size or
 * name; nothing was done), "UNSUPPORTED" (this kernel can't), "FORMAT" (bytes that aren't what they
 * should be), "VERIFIER" (see VerifierError) and "ADDON" (the native part isn't there).
 */
export type BpfErrorCode =
  | "CLOSED"
  | "ARGUMENT"
  | "UNSUPPORTED"
  | "FORMAT"
  | "VERIFIER"
  | "ADDON"
  | `E${string}`;

export interface BpfErrorOptions {
  /** A positive errno, 0 where the kernel had no part in it. */
  readonly errno?: number;
  /** What was asked for: "load", "map update" … */
  readonly operation?: string;
  /** What to do about it. */
  readonly hint?: string;
  /** What libbpf and the verifier said meanwhile. */
  readonly log?: string;
  readonly cause?: unknown;
}

/** Every error of this package. */
export class BpfError extends Error {
  override readonly name: string = "BpfError";
  readonly code: BpfErrorCode;
  readonly errno: number;
  readonly operation: string;
  readonly hint: string;
  readonly log: string;

  constructor(code: BpfErrorCode, message: string, options: BpfErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.errno = options.errno ?? 0;
    this.operation = options.operation ?? "";
    this.hint = options.hint ?? "";
    this.log = options.log ?? "";
  }
}

/** A value that can't be meant; thrown before anything is done. */
export function argumentError(message: string, hint?: string): BpfError {
  return new BpfError("ARGUMENT", message, hint === undefined ? {} : { hint });
}

export function closedError(what: string): BpfError {
  return new BpfError("CLOSED", `Cannot use ${what}: it is closed.`);
}

/**
 * The error for a negated errno that the kernel or libbpf gave.
 * `what` says what failed, in active voice: `Cannot update map "rows"`.
 */
export function kernelError(
  result: number,
  operation: string,
  what: string,
  options: { readonly hint?: string; readonly log?: string } = {},
): BpfError {
  const errno = -result;
  const code = errnoName(errno);
  const hint = options.hint ?? hints[code] ?? "";
  const detail = lastLogLine(options.log ?? "");
  const said = detail === "" ? "" : ` (${detail})`;
  return new BpfError(code, `${what}: ${describe(code, errno)}${said}.${hint && ` ${hint}`}`, {
    ...options,
    errno,
    operation,
    hint,
  });
}

const hints: Readonly<Record<string, string>> = {
  EPERM: "It takes root, or the capabilities CAP_BPF and CAP_PERFMON.",
};

/** What the kernel's numbers mean where it answers with one of its own. */
const descriptions: Readonly<Record<string, string>> = {
  EPERM: "not permitted",
  ENOENT: "not found",
  EEXIST: "it exists already",
  E2BIG: "too many or too large",
  ENOMEM: "no memory",
  ENOSPC: "no room left",
  EINVAL: "the kernel refuses the arguments",
  EBADF: "it is something else",
  EBUSY: "in use",
  ESRCH: "no such symbol or process",
  ENOTSUPP: "this kernel does not support it",
  EOPNOTSUPP: "this kernel does not support it",
};

function describe(code: string, errno: number): string {
  const text = descriptions[code];
  return text === undefined ? `${code} (errno ${errno})` : `${text} (${code})`;
}

const names = new Map<number, string>(
  // EAGAIN and EWOULDBLOCK, ENOTSUP and EOPNOTSUPP share a number: the usual name wins.
  Object.entries(constants.errno)
    .filter(([name]) => name !== "EWOULDBLOCK" && name !== "ENOTSUP")
    .map(([name, number]) => [number, name] as const),
).set(524, "ENOTSUPP"); // the kernel's own, which BPF gives to user space all the same

export function errnoName(errno: number): `E${string}` {
  return (names.get(errno) ?? `E${errno}`) as `E${string}`;
}

function lastLogLine(log: string): string {
  const lines = log.split("\n").filter((line) => line.startsWith("libbpf: "));
  return (lines[0] ?? "").slice("libbpf: ".length).replace(/\.$/, "");
}
