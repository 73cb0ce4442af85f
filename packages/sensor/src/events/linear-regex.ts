// SPDX-License-Identifier: Apache-2.0
import { RE2JS } from "re2js";

/**
 * Regular expressions that come from users, in the syntax of RE2: they are matched in linear time,
 * so neither an expression nor a process's arguments can make the sensor hang, as backtracking can.
 */
export type LinearRegex = {
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  readonly groups: number;
  /** Where the groups of each match lie, as pairs of start and end; groups that took no part are left out. */
  groupRanges(text: string): readonly (readonly [number, number])[];
};

/** Longest expression that is accepted: repeats of repeats grow the program. */
const maxLength = 4096;

/** Throws Error with the reason if `pattern` cannot be one. */
export function linearRegex(pattern: string): LinearRegex {
  if (pattern.length > maxLength)
    throw new Error(`a regular expression may have ${maxLength} characters`);
  const regex = RE2JS.compile(pattern);
  return {
    groups: regex.groupCount(),
    test: (text) => regex.test(text),
    groupRanges(text) {
      const ranges: [number, number][] = [];
      const matcher = regex.matcher(text);
      while (matcher.find())
        for (let group = 1; group <= regex.groupCount(); group++) {
          const start = matcher.start(group);
          if (start >= 0) ranges.push([start, matcher.end(group)]);
        }
      return ranges;
    },
  };
}
