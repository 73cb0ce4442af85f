// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { limits, pathMatch } from "./abi.gen.ts";
import { createFollowBits } from "./follow-bits.ts";
import { LinkLimitError } from "./link-limit-error.ts";
import { createSetInterner } from "./set-interner.ts";

const ofSet = (binaries: number) => ({ binaries, match: pathMatch.PATH_EQUAL });

describe("createFollowBits", () => {
  it("shares a bit between equal ones and gives it up when nobody needs it", () => {
    const bits = createFollowBits();
    expect([bits.bit(ofSet(7)), bits.bit({ pids: [2, 1] }), bits.bit({ pids: [1, 2, 2] })]).toEqual(
      [0, 1, 1],
    );
    bits.keepOnly(new Set([1]));
    expect([...bits.entries()]).toEqual([[1, { pids: [2, 1] }]]);
  });

  it("doesn't give a bit that processes still carry from another use", () => {
    const bits = createFollowBits({ isCarried: (bit) => bit < 3 });
    expect(bits.bit(ofSet(1))).toBe(3);
  });

  it("says when there are no more", () => {
    const bits = createFollowBits();
    for (let i = 0; i < limits.FOLLOW_BITS; i++) bits.bit(ofSet(i + 1));
    expect(() => bits.bit({ pids: [1] })).toThrow(LinkLimitError);
  });
});

describe("createSetInterner", () => {
  it("gives equal contents one id, whatever their order", () => {
    const sets = createSetInterner();
    const first = sets.intern({ kind: "prefixes", values: ["/b", "/a", "/b"] });
    expect(sets.intern({ kind: "prefixes", values: ["/a", "/b"] })).toBe(first);
    expect(sets.intern({ kind: "postfixes", values: ["/a", "/b"] })).not.toBe(first);
  });

  it("never gives an id again", () => {
    const sets = createSetInterner([[4, { kind: "ints", values: [1n] }]], 9);
    expect(sets.intern({ kind: "ints", values: [1n] })).toBe(4);
    const next = sets.intern({ kind: "ints", values: [2n] });
    expect(next).toBe(9);
    sets.keepOnly(new Set());
    expect(sets.intern({ kind: "ints", values: [2n] })).toBe(10);
  });
});
