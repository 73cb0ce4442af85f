// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode, Problem, Severity } from "@gander/base";
import type { Path } from "@gander/crd-schemas";
import type { Locate } from "./read/locate.ts";

/** A place in a policy to report findings against. */
export type Scope = {
  readonly path: Path;
  at(...segments: readonly (string | number)[]): Scope;
  error(code: ErrorCode, message: string, hint: string): void;
  warning(code: ErrorCode, message: string, hint: string): void;
  note(code: ErrorCode, message: string, hint: string): void;
  /** The same place, with the caret at the key instead of the value. */
  readonly onKey: Scope;
  /** The same place and all below it, with the caret at this character of the text there. */
  character(offset: number): Scope;
};

export type Report = (problem: Problem) => void;

export function createScope(
  file: string,
  locate: Locate,
  report: Report,
  path: Path = [],
  place: "key" | "value" | number = "value",
): Scope {
  const caret = () =>
    typeof place === "number" ? locate.character(path, place) : locate[place](path);
  const say = (severity: Severity) => (code: ErrorCode, message: string, hint: string) => {
    report({ file, path: pathText(path), ...caret(), code, message, hint, severity });
  };
  const self: Scope = {
    path,
    at: (...segments) =>
      typeof place === "number"
        ? self
        : createScope(file, locate, report, [...path, ...segments], place),
    error: say("error"),
    warning: say("warning"),
    note: say("note"),
    get onKey() {
      return createScope(file, locate, report, path, "key");
    },
    character: (offset) => createScope(file, locate, report, path, offset),
  };
  return self;
}

/** `spec.kprobes[0].args` */
export function pathText(path: Path): string {
  let text = "";
  for (const segment of path) {
    if (typeof segment === "number") text += `[${segment}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(segment)) text += text === "" ? segment : `.${segment}`;
    else text += `[${JSON.stringify(segment.slice(0, 80))}]`;
  }
  return text;
}
