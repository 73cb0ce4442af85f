// SPDX-License-Identifier: Apache-2.0
import type { TestOf } from "../compiled-policy.ts";
import { farthest } from "../expression/pair-term.ts";
import { words } from "./words.ts";

/** What an expression says of two arguments. */
export function pairText(what: string, other: string, test: TestOf<"pairs">): string {
  const { op, negate, ranges } = test;
  const [[low, high] = [0n, 0n], ...more] = ranges;
  const not = negate ? "not " : "";
  if (op === "difference" && more.length === 0) {
    if (low === 0n && high === 0n) return `${what} is ${not}${other}`;
    if (low === farthest[0] && high === -1n) return `${what} is ${not}less than ${other}`;
    if (low === 1n && high === farthest[1]) return `${what} is ${not}greater than ${other}`;
  }
  const bounds = ranges.map(([from, to]) => {
    if (from === farthest[0]) return `at most ${to}`;
    return to === farthest[1] ? `at least ${from}` : from === to ? `${from}` : `${from} to ${to}`;
  });
  return `${what} ${op === "sum" ? "plus" : "minus"} ${other} is ${not}${words(bounds, "or")}`;
}
