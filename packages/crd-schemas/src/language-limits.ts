// SPDX-License-Identifier: Apache-2.0

/**
 * Limits on the size of a policy. The API server needs them: it estimates the cost of a rule over a list
 * from the longest possible list.
 */
export const languageLimits = {
  /** More than exist, because duplicates are forbidden. */
  options: 16,
  /** In one section. */
  hooks: 256,
  /** Of one hook. */
  selectors: 128,
  /** Of one selector, on entry or on return. */
  actions: 8,
  /** Of one hook. */
  args: 8,
  /** Of a ValueSet; a filter has at most as many. */
  setValues: 8192,
  /** Characters. */
  setValueLength: 4096,
  /** Of an exception: alternatives for the program, and for the file. */
  exceptionEntries: 4,
  /** Of a list of an exception. */
  exceptionValues: 64,
} as const;
