// SPDX-License-Identifier: Apache-2.0
import { RE2JS } from "re2js";

/**
 * Regular expressions from users, in the syntax of RE2: they match in linear time, so neither an expression
 * nor a process's arguments can hang the sensor, as backtracking can.
 */
export type LinearRegex = {
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  readonly groups: number;
  /** States of its program: the most that a character may cost. */
  readonly size: number;
  /** The positions of the groups of each match, as pairs of start and end; unused groups are omitted. */
  groupRanges(text: string): readonly (readonly [number, number])[];
};

/** The longest accepted expression: repeats of repeats grow the program. */
const maxLength = 4096;

/** Repeats are expanded: `\pL{1000}` takes 50 ms for 4,000 letters. */
const maxSize = 5000;

/** Throws an Error with the reason if `pattern` is not acceptable. */
export function linearRegex(pattern: string): LinearRegex {
  if (pattern.length > maxLength)
    throw new Error(`a regular expression may have ${maxLength} characters`);
  // Before compiling, which takes a second for half a million states.
  const written = writtenOut(pattern);
  const regex = written > 2 * maxSize ? undefined : RE2JS.compile(pattern);
  const size = regex?.programSize() ?? written;
  if (regex === undefined || size > maxSize)
    throw new Error(
      `a regular expression may have ${maxSize} states, with its repeats written out; this has ${size}`,
    );
  return {
    size,
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

/** About the number of characters of a pattern with its repeats expanded. */
function writtenOut(pattern: string): number {
  const groups = [0];
  let last = 1;
  const add = (size: number) => groups.push((groups.pop() ?? 0) + size);
  const pieces = /\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|./gs;
  for (const [piece, from, to] of pattern.matchAll(pieces)) {
    if (from !== undefined) add(last * Math.max(Number(from), Number(to ?? 0)));
    else if (piece === "(") groups.push(0);
    else {
      last = piece === ")" && groups.length > 1 ? (groups.pop() ?? 0) : 1;
      add(last);
    }
  }
  return groups.reduce((sum, size) => sum + size, 0);
}
