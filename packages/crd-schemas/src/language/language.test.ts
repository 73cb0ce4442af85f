// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { actionNames, actionRows } from "./actions.ts";
import { argOperatorNames } from "./arg-operators.ts";
import { argTypeNames, argTypeRows } from "./arg-types.ts";

it.each([
  ["argument types", argTypeNames],
  ["operators", argOperatorNames],
  ["actions", actionNames],
  ["words of actions", actionRows.map(({ word }) => word)],
])("no name stands for two %s", (_, names: readonly string[]) => {
  expect(names.length).toBe(new Set(names).size);
});

it("numbers have a width, that of their reading: a forgotten one would be compared as 64 bits", () => {
  for (const { type, family, bits, signed, read } of argTypeRows)
    if (family === "integer")
      expect([`${bits}`, 64], type).toContain(/^[US](\d+)$/.exec(read)?.[1] ?? bits);
    else expect([bits, signed], type).toEqual([undefined, undefined]);
});

it("what enforces says on what, and what the event says then", () => {
  for (const { name, enforces, tells, requests, on, event } of actionRows) {
    expect([on !== undefined, event !== undefined], name).toEqual([
      enforces !== undefined,
      (enforces ?? tells ?? requests) !== undefined,
    ]);
  }
});
