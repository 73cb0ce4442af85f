// SPDX-License-Identifier: Apache-2.0

export {
  type LibraryFacts,
  type LibraryPolicy,
  type LibrarySet,
  levels,
  selectionWords,
  techniqueUrl,
} from "./library.ts";
export { readLibrary } from "./read-library.ts";
export { selectPolicies } from "./select-policies.ts";
export { inMode, modes } from "./set-mode.ts";
