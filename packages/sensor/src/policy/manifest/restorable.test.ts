// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { nothingSaved } from "../../kernel/pins/tables-label.ts";
import { isSettled, usesOf } from "./restorable.ts";

const before = { kernelId: "before" };
const after = { kernelId: "after" };
const onDisk = [after, before];

/** An upgrade was killed at some step; `own` is what the next sensor goes on with. */
function found(own: typeof before | undefined, saved: { before: string; after: string }) {
  const others = onDisk.filter((manifest) => manifest !== own);
  const labels = new Map(
    Object.entries(saved).map(([name, text]) => [name, { tables: "t", saved: text }]),
  );
  return { own, others, labels };
}

describe("two builds in force, each with a manifest", () => {
  it("keeps that of the first until the second has brought all", () => {
    const begun = { before: "t", after: nothingSaved };
    for (const own of [after, undefined]) {
      expect(isSettled(found(own, begun))).toBe(false);
      expect(usesOf(onDisk, found(own, begun)).isPreviousOfUse).toBe(true);
    }
  });

  it("lets the second's go where the first goes on", () => {
    const begun = found(before, { before: "t", after: nothingSaved });
    expect(isSettled(begun)).toBe(true);
    expect(usesOf(onDisk, begun)).toEqual({ isNewestOfUse: false, isPreviousOfUse: true });
  });

  it.each([
    ["was about to go", nothingSaved],
    ["is going", "t"],
  ])("keeps the second's when the first %s", (_, saved) => {
    for (const own of [before, after, undefined]) {
      const going = found(own, { before: nothingSaved, after: saved });
      expect(isSettled(going)).toBe(own === after && saved === "t");
      expect(usesOf(onDisk, going)).toEqual({ isNewestOfUse: true, isPreviousOfUse: false });
    }
  });
});
