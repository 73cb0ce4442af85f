// SPDX-License-Identifier: Apache-2.0
import { quote } from "../language/values.ts";
import type { Scope } from "../scope.ts";

/** How values are compared. */
type Comparison = {
  readonly match: "equal" | "prefix" | "postfix" | "contains";
  readonly negate: boolean;
  /** All values are paths. Of other texts, those that begin with / are. */
  readonly ofPaths: boolean;
  /** Operators that could be used instead. */
  readonly others: readonly ("Prefix" | "Postfix" | "SubString")[];
};

/** Values are compared as they are: as wildcards of a shell, * and ? would match nothing. `scope` is that of the values. */
export function warnOfWildcards(
  values: readonly string[],
  scope: Scope,
  comparison: Comparison,
): void {
  for (const [i, text] of values.entries()) {
    const found = (
      comparison.ofPaths || text.startsWith("/") ? /[*?]/ : openEnds[comparison.match]
    ).exec(text)?.[0];
    if (found === undefined) continue;
    scope
      .at(i)
      .warning(
        "policy-contradiction",
        `${quote(text)} is compared as it is: ${found.includes("*") ? "*" : "?"} stands only for itself`,
        hintFor(text, comparison),
      );
  }
}

/** In a text that is no path, ? and * are as likely as other characters, but not at the end that is open anyway. */
const openEnds = {
  equal: /(?!)/,
  prefix: /[*?]+$/,
  postfix: /^[*?]+/,
  contains: /(?!)/,
} as const;

function hintFor(text: string, { match, negate, ofPaths, others }: Comparison): string {
  const what = ofPaths || text.startsWith("/") ? "path" : "text";
  const rest = text.replace(/^\*+|\*+$/g, "");
  const sides = `${text.startsWith("*") ? "*" : ""}x${text.endsWith("*") ? "*" : ""}`;
  const general =
    others.length === 0
      ? `Write each ${what}.`
      : `Write each ${what}, or use ${list(others, negate)} with a part that has no wildcard.`;
  if (rest === "" && !negate) return "Leave the filter out: it is meant for every value.";
  if (rest === "" || /[*?]/.test(rest)) return general;
  const open = { equal: "x", prefix: "x*", postfix: "*x", contains: "*x*" }[match];
  const isOpenThere = match === "contains" || open === sides;
  if (isOpenThere) return `Write ${quote(rest)}: the operator leaves open what is beside it.`;
  const better = ({ "x*": "Prefix", "*x": "Postfix", "*x*": "SubString" } as const)[sides];
  return better !== undefined && others.includes(better) && !(negate && better === "SubString")
    ? `Use ${negate ? "Not" : ""}${better} with ${quote(rest)}.`
    : general;
}

/** No operator is the opposite of SubString. */
function list(others: Comparison["others"], negate: boolean): string {
  return others
    .filter((name) => !negate || name !== "SubString")
    .map((name) => (negate ? `Not${name}` : name))
    .join(", ")
    .replace(/, (\w+)$/, " or $1");
}
