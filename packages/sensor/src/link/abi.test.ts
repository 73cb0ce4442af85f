// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseAbiHeader, readAbiHeaders, renderAbi } from "../../scripts/abi-header.ts";

describe("parseAbiHeader", () => {
  it("numbers enums as C does and evaluates defines", () => {
    const header = parseAbiHeader(`
      #define A 4 /* four */
      #define B (A / 2)
      #define TEXT "no number"
      enum colour { RED, GREEN = 7, BLUE, /* RED2, */ LAST = A };`);
    expect([...header.defines]).toEqual([
      ["A", 4],
      ["B", 2],
    ]);
    expect([...(header.enums.get("colour") ?? [])]).toEqual([
      ["RED", 0],
      ["GREEN", 7],
      ["BLUE", 8],
      ["LAST", 4],
    ]);
  });
});

describe("abi.gen.ts", () => {
  it("is what the headers say (if not: pnpm --filter @gander/sensor generate)", () => {
    const committed = readFileSync(new URL("./abi.gen.ts", import.meta.url), "utf8");
    expect(committed).toBe(renderAbi(parseAbiHeader(readAbiHeaders())));
  });
});
