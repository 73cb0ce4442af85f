// SPDX-License-Identifier: Apache-2.0
// Every cell of docs/policy-language.md is backed by a test in a virtual machine.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  actionRows,
  argOperatorsByName,
  argTypeRows,
  expressionOperator,
  hookKindNames,
  operatorFits,
  originWords,
  processPropertyNames,
} from "../../packages/crd-schemas/src/index.ts";
import { filterFields } from "../../packages/policy/src/compile/compile-selector.ts";
import { type CallName, typeCases } from "./lib/language-cells.ts";
import { backedBy } from "./lib/language-tests.ts";

const cases = typeCases(2n ** 41n - 1n);
const root = join(import.meta.dirname, "../..");

const fitting = argTypeRows.map(
  (row) =>
    [
      row.type,
      [...argOperatorsByName].flatMap(([name, operator]) =>
        operatorFits(operator, row) ? [name] : [],
      ),
    ] as const,
);
const compared = fitting.filter(([, operators]) => operators.length > 0);

describe("lib/language-cells.ts", () => {
  it.each(compared)(
    "has cells for %s with each operator that fits, both ways",
    (type, operators) => {
      const { cells = [], shown = {} } = cases[type] ?? {};
      expect(new Set(cells.map(({ operator }) => operator))).toEqual(new Set(operators));
      for (const operator of operators) {
        const own = cells.filter((cell) => cell.operator === operator);
        const calls = Object.keys(shown) as CallName[];
        expect(
          own.some(({ holds }) => holds.length > 0),
          `${operator} matches`,
        ).toBe(true);
        const fails = own.some(({ holds }) => calls.some((call) => !holds.includes(call)));
        expect(fails, `${operator} does not match`).toBe(true);
      }
    },
  );

  it("has types of the language", () => {
    expect(Object.keys(cases).sort()).toEqual(compared.map(([type]) => type).sort());
  });

  it.each(Object.entries(cases))("tells the calls of %s apart", (_, { shown }) => {
    const values = Object.values(shown);
    expect(new Set(values).size).toBe(values.length);
  });
});

describe("lib/language-tests.ts", () => {
  const words = {
    hookKinds: hookKindNames,
    types: fitting.flatMap(([type, operators]) => (operators.length > 0 ? [] : [type])),
    operators: [expressionOperator],
    filters: filterFields,
    properties: processPropertyNames,
    origins: originWords,
    actions: actionRows.map(({ name }) => name),
  };

  it.each(Object.entries(words))("names a test for each of the %s", (table, names) => {
    expect(Object.keys(backedBy[table as keyof typeof words]).sort()).toEqual([...names].sort());
  });

  const all = Object.values(backedBy).flatMap((table) =>
    Object.entries(table).flatMap(([word, files]) =>
      Object.entries(files).map(([file, text]) => [word, file, text] as const),
    ),
  );
  it.each(all)("%s is in %s", (_, file, text) => {
    expect(file).toMatch(/\.kernel-test\.ts$/);
    expect(existsSync(join(root, file)), file).toBe(true);
    expect(readFileSync(join(root, file), "utf8")).toContain(text);
  });
});
