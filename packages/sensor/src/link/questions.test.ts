// SPDX-License-Identifier: Apache-2.0
import type { TypedFilter } from "@gander/policy";
import { describe, expect, it } from "vitest";
import { linkRules, rule, selector } from "../../test/linker-fixture.ts";
import { limits, rowFlags, rowOp } from "./abi.gen.ts";
import { numbersIn } from "./bit-set.ts";
import type { LinkedRow } from "./linked-tables.ts";
import { fewestAsking } from "./questions.ts";

/** The questions of the hook of these rules: each rule has one selector with these filters. */
function questionsFor(rules: readonly (readonly TypedFilter[])[]) {
  const { tables, sets } = linkRules(rules.map((filters, i) => rule([selector(filters)], i + 1)));
  const questions: LinkedRow[] = [];
  for (let at = tables.hooks[0]?.firstQuestion ?? 0; at !== 0; at = questions.at(-1)?.fail ?? 0) {
    const row = tables.rows[at];
    if (row === undefined) throw new RangeError("no row there");
    questions.push(row);
  }
  return questions.map(({ test = 0, ...row }) => ({
    row,
    content: sets.content(row.set),
    isKept: tables.sets.has(row.set),
    asking: numbersIn(tables.bitSets[test >> limits.ASKING_SHIFT] ?? 0n),
    kept: numbersIn(tables.bitSets[test & ((1 << limits.ASKING_SHIFT) - 1)] ?? 0n),
  }));
}

const contains = (...values: readonly string[]) => text("str-contains", values);
const text = (op: string, values: readonly string[], negate = false) =>
  ({ on: "arg", arg: 3, test: { op, negate, values } }) as TypedFilter;
const mask = (value: bigint, negate = false, arg = 1) =>
  ({ on: "arg", arg, test: { op: "mask", negate, values: [value] } }) as TypedFilter;

describe("questionsOf", () => {
  it("asks once for what a thousand policies search", () => {
    const parts = Array.from({ length: 1000 }, (_, i) => `part-${i}`);
    const [question, ...others] = questionsFor(parts.map((part) => [contains(part)]));
    expect(others).toEqual([]);
    expect(question?.row).toMatchObject({
      ...{ op: rowOp.ROW_STR_CONTAINS, slot: 3, verdict: 0, fail: 0 },
      flags: rowFlags.ROW_FOR_MANY,
    });
    expect(question?.content).toEqual({ kind: "prefixes", values: [...parts].sort() });
    expect(question).toMatchObject({ isKept: true, asking: [], kept: [] });
  });

  it("asks for any bit of masks, and for those that all exclude", () => {
    const masks = [1n, 2n, 6n, 8n];
    const rowsOf = (negate: boolean, extra: bigint) =>
      questionsFor(masks.map((one) => [mask(one | extra, negate)])).map(({ row }) => row);
    expect(rowsOf(false, 0n)).toMatchObject([{ op: rowOp.ROW_MASK, values: [15n] }]);
    expect(rowsOf(true, 0n)).toEqual([]);
    expect(rowsOf(true, 32n)).toMatchObject([
      { values: [32n], flags: rowFlags.ROW_NEGATE | rowFlags.ROW_FOR_MANY },
    ]);
  });

  it("says for which rules it asks, and which others are left", () => {
    const some = ["a", "b", "c", "d"].map((part) => [contains(part)]);
    const [question] = questionsFor([[mask(1n)], ...some, [text("str-prefix", ["/x"])]]);
    expect(question).toMatchObject({ asking: [1, 2, 3, 4], kept: [0, 5] });
  });

  it("asks the cheap ones first", () => {
    const both = [1n, 2n, 4n, 8n].map((one, i) => [contains(`part-${i}`), mask(one)]);
    expect(questionsFor(both).map(({ row }) => row.op)).toEqual([
      rowOp.ROW_MASK,
      rowOp.ROW_STR_CONTAINS,
    ]);
  });

  it("asks nothing where few policies are alike, and nothing that the index knows", () => {
    const few = Array.from({ length: fewestAsking - 1 }, (_, i) => [contains(`part-${i}`)]);
    expect(questionsFor(few)).toEqual([]);
    const beginnings = ["a", "b", "c", "d"].map((one) => [text("str-prefix", [one])]);
    expect(questionsFor(beginnings)).toEqual([]);
    const endings = ["a", "b", "c", "d"].map((one) => [text("str-postfix", [one, "x"], true)]);
    expect(questionsFor(endings)).toMatchObject([
      { content: { kind: "postfixes", values: ["x"] } },
    ]);
  });

  it("asks nothing where the rows of policies leave no room", () => {
    const filters = [...[0, 1, 2].map((at) => mask(1n, false, at)), contains("x")];
    const hooksOf = (count: number) =>
      linkRules(
        Array.from({ length: count }, (_, i) => rule([selector(filters)], i + 1, 1 + (i >> 10))),
      ).tables.hooks.map(({ firstQuestion }) => firstQuestion !== 0);
    // Four rows each, and eight questions in all.
    expect(hooksOf((limits.MAX_ROWS - 12) / 4)).toEqual([true, true]);
    expect(hooksOf((limits.MAX_ROWS - 8) / 4)).toEqual([false, false]);
  });

  it("leaves maps of sets to the policies", () => {
    const large = (size: number) =>
      questionsFor(
        Array.from({ length: 4 }, (_, i) => [
          contains(...Array.from({ length: size }, (_, k) => `${i}-${k}`)),
        ]),
      );
    expect(large(500)).toHaveLength(1);
    expect(large(600)).toEqual([]);
  });
});
