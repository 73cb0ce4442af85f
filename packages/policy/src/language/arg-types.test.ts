// SPDX-License-Identifier: Apache-2.0

import { expect, it } from "vitest";
import { argTypes } from "../../../crd-schemas/src/hook-schemas.ts";
import { argTypeRows, argTypeTable } from "./arg-types.ts";

it("the definitions take every name of the table", () => {
  expect(Object.keys(argTypeTable).filter((name) => !argTypes.includes(name as never))).toEqual([]);
});

it("no name means two types", () => {
  const names = argTypeRows.flatMap(({ type, aliases = [] }) => [type, ...aliases]);
  expect(names.length).toBe(new Set(names).size);
});

it("numbers have a width that the programs have: a forgotten one would be compared as 64 bits", () => {
  for (const { type, family, bits, signed, read } of argTypeRows)
    if (family === "integer") expect(read, type).toMatch(new RegExp(`^[US]${bits}$`));
    else expect([bits, signed], type).toEqual([undefined, undefined]);
});
