// SPDX-License-Identifier: Apache-2.0

import type { ArgTypeRow, OperatorKind, TestName } from "@gander/crd-schemas";
import type { ArgTest } from "../compiled-policy.ts";
import { quote, readAll, type Value } from "../language/values.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";
import { warnOfWildcards } from "./warn-of-wildcards.ts";

type TextOp = TestName<"texts">;

const opOf: Readonly<Partial<Record<OperatorKind, TextOp>>> = {
  prefix: "str-prefix",
  postfix: "str-postfix",
  contains: "str-contains",
  "contains-any-case": "str-contains-any-case",
};

const limitOf: Readonly<Record<TextOp, number>> = {
  "str-equal": limits.stringBytes,
  "str-prefix": limits.prefixBytes,
  "str-postfix": limits.postfixBytes,
  "str-contains": limits.substringBytes,
  "str-contains-any-case": limits.substringBytes,
};

const matchOf = {
  "str-equal": "equal",
  "str-prefix": "prefix",
  "str-postfix": "postfix",
  "str-contains": "contains",
  "str-contains-any-case": "contains",
} as const satisfies Readonly<Record<TextOp, string>>;

const others = ["Prefix", "Postfix", "SubString"] as const;

/** A test of a string, a path or a buffer; `scope` is that of the values. */
export function compileTextValues(
  kind: OperatorKind,
  negate: boolean,
  type: ArgTypeRow,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const op = opOf[kind] ?? "str-equal";
  const texts = readAll(values, scope, (text) => readText(text, op, type));
  if (!texts) return undefined;
  const fromStart = op === "str-equal" || op === "str-prefix";
  const ofPaths = type.family === "path";
  warnOfWildcards(values, scope, { match: matchOf[op], negate, ofPaths, others });
  if (ofPaths && fromStart) warnOfRelativePaths(values, scope);
  return { op, negate, values: [...new Set(texts)].sort() };
}

function readText(text: string, op: TextOp, type: ArgTypeRow): Value<string> {
  // A string ends at its NUL, so a written NUL makes no difference; a buffer may contain any byte.
  const value = type.family === "bytes" ? text : text.replace(/\0+$/, "");
  if (type.family !== "bytes" && value.includes("\0")) {
    return {
      wrong: `${quote(text)} has a NUL in it, where a string ends`,
      hint: "Write the text up to there.",
    };
  }
  if (value === "" && op !== "str-equal") {
    return {
      wrong: "An empty text is part of every text",
      hint: "Leave the filter out, or write the text.",
    };
  }
  if (!value.isWellFormed())
    return {
      wrong: `${quote(text)} has half of a character in it (a lone surrogate)`,
      hint: "Write the whole character, or a shorter text with another operator.",
    };
  const bytes = Buffer.byteLength(value);
  const limit = limitOf[op];
  if (bytes <= limit) return { ok: op === "str-contains-any-case" ? lowerCase(value) : value };
  return {
    wrong: `The value has ${bytes} bytes; ${limit} are possible with this operator`,
    hint: op === "str-equal" ? "Shorten it." : "A shorter one matches as well.",
  };
}

/** ASCII letters only, as the programs in the kernel do it. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** `scope` is that of the list `values`. Pipes, sockets and the like have no path: `pipe:[123]`. */
export function warnOfRelativePaths(values: readonly string[], scope: Scope): void {
  for (const [i, text] of values.entries()) {
    // Of *, another warning says what to write.
    if (text.startsWith("/") || text.startsWith("*") || text.includes(":")) continue;
    scope
      .at(i)
      .warning(
        "policy-contradiction",
        `${quote(text)} does not begin with /, as paths do in the kernel`,
        "Write the whole path, or use Postfix for the end of one.",
      );
  }
}
