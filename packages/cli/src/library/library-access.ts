// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { type LibraryPolicy, readLibrary, selectPolicies } from "@gander/policy-test/library";

/** The library of this version. @throws GanderError if the installation lacks it. */
export function openLibrary(): readonly LibraryPolicy[] {
  try {
    return readLibrary();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new GanderError("client-bad-input", `Cannot read the policy library: ${message}`, {
      hint: "It is the folder policies of a checkout, and beside the program of an installation: install Gander again.",
      cause: error,
    });
  }
}

/** What words choose, in the library's order. @throws GanderError if one names nothing. */
export function chosen(
  all: readonly LibraryPolicy[],
  words: readonly string[],
): readonly LibraryPolicy[] {
  const { value, problems } = selectPolicies(all, words);
  if (value !== undefined) return value;
  throw new GanderError("client-not-found", problems.map(({ message }) => message).join("; "), {
    hint: problems.map(({ hint }) => hint).join(" "),
  });
}
