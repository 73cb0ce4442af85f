// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { quoteSentence } from "./events/quote.ts";

/** A problem as `file:line:column: severity: message [code]`, its hint below. */
export function problemText(problem: Problem): string {
  const place = [problem.file, problem.line || undefined, problem.column || undefined]
    .filter((part) => part !== undefined && part !== "")
    .join(":");
  const head = `${place === "" ? "gander" : quoteSentence(place)}: ${problem.severity}: `;
  const hint = problem.hint === "" ? "" : `\n  ${quoteSentence(problem.hint)}`;
  return `${head}${quoteSentence(problem.message)} [${problem.code}]${hint}`;
}
