// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { linkRules, rule, selector, slot } from "../../test/linker-fixture.ts";
import { action, rateScope, slotFlags, valueType } from "./abi.gen.ts";
import { allFeatures, featureNames, featuresOf, featuresOfRule } from "./features.ts";
import type { PlannedRule } from "./planned-rule.ts";

const numbers: Partial<PlannedRule> = {
  args: [{ slot: slot(valueType.VALUE_S32, 0), signed: true }],
};
const with_ = (type: number, flags = 0): Partial<PlannedRule> => ({
  args: [{ slot: { ...slot(type, 0), flags }, signed: false }],
});
const namesOf = (selectors: Parameters<typeof rule>[0], changes: Partial<PlannedRule> = numbers) =>
  featureNames(featuresOfRule(rule(selectors, 1, 1, changes).planned));
const plain = selector([]);
const acting = (changes: Partial<typeof plain.verdict>) => ({
  ...plain,
  verdict: { ...plain.verdict, ...changes },
});

describe("features", () => {
  it.each<[string, Partial<PlannedRule>, readonly string[]]>([
    ["a number", numbers, []],
    ["a file", with_(valueType.VALUE_FILE), ["FEATURE_TEXTS", "FEATURE_PATHS"]],
    ["a string", with_(valueType.VALUE_STRING), ["FEATURE_TEXTS"]],
    ["a structure", with_(valueType.VALUE_CRED), ["FEATURE_TEXTS", "FEATURE_STRUCTURES"]],
    ["segments", with_(valueType.VALUE_IOV_ITER), ["FEATURE_TEXTS", "FEATURE_SEGMENTS"]],
    ["a packet", with_(valueType.VALUE_SKB), ["FEATURE_SOCKETS", "FEATURE_PACKETS"]],
    [
      "more of a buffer",
      with_(valueType.VALUE_USER_BUFFER, slotFlags.SLOT_MAX_DATA),
      ["FEATURE_TEXTS", "FEATURE_DATA"],
    ],
    ["a number behind", with_(valueType.VALUE_S32, slotFlags.SLOT_DISTANT), ["FEATURE_ROUTES"]],
  ])("needs what shows %s, although no filter reads it", (_, changes, names) => {
    expect(namesOf([plain], changes)).toEqual(names);
  });

  it("needs what filters and actions use", () => {
    const binary = { on: "binary", match: "equal", paths: ["/a"], negate: false } as const;
    expect(namesOf([selector([{ ...binary, followChildren: false }])])).toEqual([
      "FEATURE_BINARIES",
    ]);
    expect(namesOf([acting({ actions: action.ACTION_MARK_CALL })])).toEqual(["FEATURE_MARKS"]);
    expect(namesOf([acting({ actions: action.ACTION_TRACK_SOCK })])).toEqual(["FEATURE_OWNERS"]);
    expect(namesOf([acting({ rateScope: rateScope.RATE_GLOBAL, rateWindowMs: 5 })])).toEqual([
      "FEATURE_RATES",
    ]);
  });

  it("needs what changes registers for verdicts with assignments", () => {
    const step = { kind: 0, value: 1n, from: 0, fromSize: 8, to: 80, size: 8, toSize: 8 };
    const changing = acting({ actions: action.ACTION_DENY, assignments: [step] });
    expect(namesOf([acting({ actions: action.ACTION_DENY })])).toEqual([]);
    expect(namesOf([changing])).toEqual(["FEATURE_REGISTERS"]);
  });

  it("joins the rules of a hook, and keeps hooks apart", () => {
    const { tables } = linkRules([
      rule([plain], 1, 1, numbers),
      rule([plain], 2, 2, with_(valueType.VALUE_STRING)),
      rule([acting({ actions: action.ACTION_MARK_CALL })], 3, 1, numbers),
    ]);
    const found = [...featuresOf(tables)].map(([hook, features]) => [hook, featureNames(features)]);
    expect(found).toEqual([
      [1, ["FEATURE_MARKS"]],
      [2, ["FEATURE_TEXTS"]],
    ]);
  });

  it("needs everything for a value that it does not know", () => {
    expect(featuresOfRule(rule([plain], 1, 1, with_(250)).planned)).toBe(allFeatures);
  });
});
