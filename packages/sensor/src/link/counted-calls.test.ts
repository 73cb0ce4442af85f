// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { rule, selector } from "../../test/linker-fixture.ts";
import { conditionOf, ruleOfCondition } from "./counted-calls.ts";
import type { InstalledRule } from "./planned-rule.ts";

const { planned } = rule([selector([]), selector([])]);
const installed = (id: number, counters: readonly number[], counted?: string): InstalledRule => ({
  ...{ id, hookId: 1, counters },
  planned: { ...planned, ...(counted === undefined ? {} : { counted }) },
});

describe("conditionOf", () => {
  it("gives each selector of each rule a number of its own, also one whose counter was another's", () => {
    const rules = [installed(1, [1, 2]), installed(2, [3, 4]), installed(3, [1, 4095])];
    const numbers = rules.flatMap((one) => [0, 1].map(conditionOf(one, rules)));
    expect(new Set(numbers).size).toBe(6);
    expect(numbers.map((number) => ruleOfCondition(BigInt(number * 2 + 1)))).toEqual([
      1, 1, 2, 2, 3, 3,
    ]);
  });
  it("gives the functions of a list that of the first, and rules that are left behind none", () => {
    const rules = [installed(1, [9]), installed(2, [1], "list"), installed(3, [2], "list")];
    const [, first = installed(0, []), second = first] = rules;
    expect(conditionOf(second, rules)(0)).toBe(conditionOf(first, rules)(0));
    expect(conditionOf(installed(0, [0, 0], "list"), rules)(0)).toBe(0);
  });
});
