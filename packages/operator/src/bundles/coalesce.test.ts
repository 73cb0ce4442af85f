// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { coalesce } from "./coalesce.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Adds each item at its time; gives when what went out, until `endMs`. */
function run(adds: readonly (readonly [atMs: number, item: string])[], endMs: number): string[] {
  const out: string[] = [];
  const start = performance.now();
  const coalescer = coalesce<string>((items) =>
    out.push(`${performance.now() - start}: ${[...items].join(" ")}`),
  );
  for (const [atMs, item] of adds) {
    vi.advanceTimersByTime(atMs - (performance.now() - start));
    coalescer.add(item === "" ? [] : [item]);
  }
  vi.advanceTimersByTime(endMs - (performance.now() - start));
  coalescer.close();
  return out;
}

it.each([
  ["one change waits for quiet", [[0, "a"]], ["100: a"]],
  [
    "a second one puts it off",
    [
      [0, "a"],
      [60, "b"],
    ],
    ["160: a b"],
  ],
  [
    "each item goes out once",
    [
      [0, "a"],
      [50, "a"],
    ],
    ["150: a"],
  ],
  [
    "quiet in between parts them",
    [
      [0, "a"],
      [101, "b"],
    ],
    ["100: a", "201: b"],
  ],
  [
    "a steady stream goes out all the same",
    [
      [0, "a"],
      [90, "b"],
      [180, "c"],
      [270, "d"],
      [360, "e"],
    ],
    ["300: a b c d", "460: e"],
  ],
  [
    "nothing is no change",
    [
      [0, "a"],
      [50, ""],
      [400, ""],
    ],
    ["100: a"],
  ],
] as const)("%s", (_, adds, expected) => {
  expect(run(adds, 1000)).toEqual(expected);
});

it("is silent when closed", () => {
  const flush = vi.fn();
  const coalescer = coalesce<string>(flush);
  coalescer.add(["a"]);
  coalescer.close();
  vi.advanceTimersByTime(1000);
  expect(flush).not.toHaveBeenCalled();
});
