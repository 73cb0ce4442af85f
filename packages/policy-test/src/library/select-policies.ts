// SPDX-License-Identifier: Apache-2.0
import { nearestName, type Problem, type Result } from "@gander/base";
import { type LibraryPolicy, selectionWords } from "./library.ts";

/** The policies that words name: a policy, a pack or a level each. A word that names none is a problem. */
export function selectPolicies(
  all: readonly LibraryPolicy[],
  words: readonly string[],
): Result<readonly LibraryPolicy[]> {
  const known = selectionWords(all);
  const unknown = words.filter((word) => !known.includes(word));
  if (unknown.length > 0) return { problems: unknown.map((word) => notInLibrary(word, known)) };
  return {
    value: all.filter(({ name, pack, level }) =>
      words.some((word) => word === name || word === pack || word === level),
    ),
  };
}

function notInLibrary(word: string, known: readonly string[]): Problem {
  const near = nearestName(word, known);
  return {
    ...{ file: "", path: "", line: 0, column: 0, severity: "error", code: "client-not-found" },
    message: `The library has no policy, pack or level "${word}"`,
    hint: near ? `Did you mean ${near}?` : "List them: gander policy library list",
  };
}
