// SPDX-License-Identifier: Apache-2.0

/** More are counted, not shown: a sentence is for people. */
const shown = 8;

/** `a, b and c`; of a long list the beginning. */
export function words(list: readonly string[], conjunction: "and" | "or"): string {
  const more = list.length - shown;
  const parts = more > 1 ? [...list.slice(0, shown), `${more} more`] : list;
  const last = parts.at(-1) ?? "";
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(", ")} ${conjunction} ${last}`;
}
