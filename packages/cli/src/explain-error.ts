// SPDX-License-Identifier: Apache-2.0
import { quoteSentence } from "./events/quote.ts";

/** An error for a person: what failed, and what to do next on a line of its own. */
export function explainError(error: unknown): string {
  // Errors of this project's packages, some of which share no class, say what to do.
  if (error instanceof Error && "hint" in error && typeof error.hint === "string") {
    const [first = "", ...more] = `${error.message}\n${error.hint}`.split("\n").map(quoteSentence);
    const rest = more.filter((line) => line !== "").map((line) => `\n  ${line}`);
    return `gander: ${first}${rest.join("")}`;
  }
  // Anything else is a defect of this program: what helps to report it.
  return `gander: unexpected error, please report it\n${indent(error instanceof Error ? (error.stack ?? error.message) : String(error))}`;
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${quoteSentence(line)}`)
    .join("\n");
}
