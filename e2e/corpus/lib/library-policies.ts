// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import { type LibraryPolicy, readLibrary } from "@gander/policy-test/library";

/** All policies of these levels. @throws Error if one is wrong. */
export const libraryPolicies = (
  levels: readonly LibraryPolicy["level"][],
): readonly CompiledPolicy[] =>
  readLibrary()
    .filter(({ level }) => levels.includes(level))
    .map(({ checked }) => checked.compiled);
