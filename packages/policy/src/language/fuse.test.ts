// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { fuseText, parseFuse, rearmProblem } from "./fuse.ts";

describe("the text of a fuse", () => {
  it.each([
    ["5 pods in 1m", { pods: 5, windowMs: 60_000 }],
    ["1 pod in 30s", { pods: 1, windowMs: 30_000 }],
    [" 32 pods in 1d ", { pods: 32, windowMs: 86_400_000 }],
    ["3 pods in h", { pods: 3, windowMs: 3_600_000 }],
    ["off", "off"],
  ])("%j", (text, fuse) => {
    expect(parseFuse(text)).toEqual({ ok: fuse });
  });

  it.each([
    ["", 0, "is not a number of pods"],
    ["five pods in 1m", 0, "is not a number of pods"],
    ["5 pads in 1m", 3, "is not a number of pods"],
    ["5 pods per 1m", 7, "is not a number of pods"],
    ["5 pods in 1 fortnight", 11, "is not a number of pods"],
    ["5 pods", 5, "is not a number of pods"],
    ["0 pods in 1m", 0, "would never let"],
    ["33 pods in 1m", 0, "cannot wait for 33"],
    ["5 pods in 2d", 10, '"2d" is no time'],
    ["5 pods in 0s", 10, '"0s" is no time'],
    ["1e3 pods in 1m", 1, "is not a number of pods"],
    ["Off", 0, "is not a number of pods"],
  ])("%j is refused at character %d", (text, at, wrong) => {
    const found = parseFuse(text);
    expect(found).toMatchObject({ at, wrong: expect.stringContaining(wrong) });
  });

  it.each(["5 pods in 1m", "2 pods in 90s", "1 pod in 1d", "off"])("is written as %s", (text) => {
    const read = parseFuse(text);
    expect("ok" in read && fuseText(read.ok)).toBe(text);
  });

  it.each([
    ["2026-11-23T12:00:00Z", true],
    ["7", true],
    ["", false],
    ["a b", false],
    ["x".repeat(65), false],
  ])("%j says that it was armed again: %s", (text, says) => {
    expect(rearmProblem(text) === undefined).toBe(says);
  });
});
