// SPDX-License-Identifier: Apache-2.0

import { type LinearRegex, linearRegex } from "@gander/base/linear-regex";
import type { RedactionFilter } from "@gander/proto";
import type { FilterProblem } from "./filter.ts";

/** Returns the arguments of a process without secrets. */
export type Redact = (binary: string, args: string) => string;

type CompiledRedaction =
  | { readonly value: Redact; readonly problems?: never }
  | { readonly value?: never; readonly problems: readonly FilterProblem[] };

const mask = "*****";
const noGroup = "has no group: put what is to be hidden in parentheses, as in --password=(\\S+)";

/**
 * Compiles redaction filters: asterisks replace the text that the groups of `redact` match in the arguments,
 * for all programs or those that match `binary_regex`. This is done once, when a process becomes known, so no
 * stream and no file ever has the text.
 */
export function compileRedaction(filters: readonly RedactionFilter[]): CompiledRedaction {
  const problems: FilterProblem[] = [];
  const compileList = (path: string, patterns: readonly string[], needsGroup: boolean) =>
    patterns.flatMap((pattern, at) => {
      const report = (message: string) => problems.push({ path: `${path}[${at}]`, message });
      try {
        const regex = linearRegex(pattern);
        if (needsGroup && regex.groups === 0) report(noGroup);
        return [regex];
      } catch (error) {
        report(error instanceof Error ? error.message : String(error));
        return [];
      }
    });
  const compiled = filters.map((filter, index) => {
    const redact = compileList(`[${index}].redact`, filter.redact ?? [], true);
    const binaries = compileList(`[${index}].binary_regex`, filter.binary_regex ?? [], false);
    if ((filter.redact ?? []).length === 0)
      problems.push({ path: `[${index}].redact`, message: "names no regular expression" });
    if ((filter.match ?? []).length > 0)
      problems.push({
        path: `[${index}].match`,
        message: "is not supported any more; use binary_regex",
      });
    return { redact, binaries };
  });
  if (problems.length > 0) return { problems };
  return {
    value: (binary, args) =>
      compiled.reduce((text, { redact, binaries }) => {
        const applies = binaries.length === 0 || binaries.some((regex) => regex.test(binary));
        return applies ? redact.reduce(hideGroups, text) : text;
      }, args),
  };
}

function hideGroups(text: string, regex: LinearRegex): string {
  let result = "";
  let done = 0;
  for (const [start, end] of regex.groupRanges(text)) {
    // A group inside one that is already hidden.
    if (start < done) continue;
    result += text.slice(done, start) + mask;
    done = end;
  }
  return result + text.slice(done);
}
