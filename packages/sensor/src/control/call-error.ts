// SPDX-License-Identifier: Apache-2.0
import { GanderError, type Problem } from "@gander/base";
import { status as grpcStatus } from "@grpc/grpc-js";

/** The answer to a failed call: a gRPC status and a text for users. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly code: number;
  readonly details: string;
  constructor(code: number, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

export const invalidArgument = (details: string): CallError =>
  new CallError(grpcStatus.INVALID_ARGUMENT, details);

export const unimplemented = (details: string): CallError =>
  new CallError(grpcStatus.UNIMPLEMENTED, details);

export const permissionDenied = (details: string): CallError =>
  new CallError(grpcStatus.PERMISSION_DENIED, details);

/** gRPC sends it in a header, of which clients accept 8 KB, with `%0A` for a line break and so on. */
const maxEncodedDetails = 7_000;

/** All problems, one per line, in the notation of compilers. */
export function problemsError(problems: readonly Problem[], otherwise: number): CallError {
  const notFound = problems.some(({ code }) => code === "policy-not-found");
  const errors = problems.filter(({ severity }) => severity === "error");
  const text = problemsLines(errors.length > 0 ? errors : problems);
  return new CallError(notFound ? grpcStatus.NOT_FOUND : otherwise, shorten(text));
}

/** For any thrown value; unexpected errors are INTERNAL. */
export function toCallError(error: unknown): CallError {
  if (error instanceof CallError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const hint = error instanceof GanderError && error.hint !== "" ? `\n  ${error.hint}` : "";
  return new CallError(grpcStatus.INTERNAL, shorten(`${text}${hint}`));
}

/** What all problems begin with is said once, and so is one that several functions of a hook have. */
function problemsLines(problems: readonly Problem[]): string {
  const [head] = problems.map(({ message }) => /^Cannot \w+ policy "[^"]*": /.exec(message)?.[0]);
  const isShared = head !== undefined && problems.every(({ message }) => message.startsWith(head));
  if (!isShared) return [...new Set(problems.map(problemLine))].join("\n");
  const rest = problems.map((problem) =>
    problemLine({ ...problem, message: problem.message.slice(head.length) }),
  );
  const lines = [...new Set(rest)];
  return lines.length === 1
    ? `${head}${lines.join()}`
    : `${head.trimEnd()}\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

function problemLine({ line, column, path, message, hint }: Problem): string {
  const place = line > 0 ? `${line}:${column}: ` : "";
  const where = line === 0 && path !== "" && !message.includes(path) ? `${path}: ` : "";
  return `${place}${where}${message}${hint === "" ? "" : ` (${hint.replace(/\.$/, "")})`}`;
}

function shorten(text: string): string {
  const end = encodedEnd(text, maxEncodedDetails);
  return end === text.length ? text : `${text.slice(0, end)}\n… and more`;
}

/** The length of the text that fits into this many bytes of a header. */
function encodedEnd(text: string, room: number): number {
  let left = room;
  let at = 0;
  for (const character of text) {
    const isPlain = character >= " " && character <= "~" && character !== "%";
    left -= isPlain ? 1 : 3 * Buffer.byteLength(character);
    if (left < 0) return at;
    at += character.length;
  }
  return at;
}
