// SPDX-License-Identifier: Apache-2.0

/**
 * How many of a thing a policy may have. The API server needs to know them: what a rule that walks
 * a list may cost is reckoned from the longest list there could be.
 */
export const languageLimits = {
  /** More than there are, as none may be there twice. */
  options: 16,
  /** In one section. */
  hooks: 256,
  /** Of one hook. */
  selectors: 128,
  /** Of one selector, on entry or on return. */
  actions: 8,
  /** Of one hook. */
  args: 8,
} as const;
