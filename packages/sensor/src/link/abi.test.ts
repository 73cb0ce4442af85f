// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { typeById } from "@gander/btf";
import { readObject } from "@gander/libbpf";
import { originPlaces, originUnlinked, limits as policyLimits } from "@gander/policy";
import { describe, expect, it } from "vitest";
import { parseAbiHeader, readAbiHeaders, renderAbi } from "../../scripts/abi-header.ts";
import * as abi from "./abi.gen.ts";

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

  it("is what the compiler made of them", () => {
    const { defines, ...enums } = abi;
    const { btf } = readObject(
      readFileSync(new URL("../../../../bpf/build/hook.bpf.o", import.meta.url)),
      "hook",
    );
    if (btf === undefined) throw new Error("bpf/build/hook.bpf.o has no BTF");
    const compiled = new Map<string, number>();
    for (let id = btf.firstId; id < btf.endId; id++) {
      const type = typeById(btf, id);
      if (type.kind !== "enum") continue;
      for (const { name, value } of type.values) compiled.set(name, Number(value));
    }
    const named = Object.values(enums).flatMap((values) => Object.entries(values));
    // Enums that no program refers to are in no BTF.
    const unused = named.filter(([name]) => !compiled.has(name)).map(([name]) => name);
    expect(unused).toEqual([]);
    expect(named).toEqual(named.map(([name]) => [name, compiled.get(name)]));
  });

  it("numbers origins as policies do", () => {
    const { ORIGIN_UNLINKED, ...places } = abi.origin;
    const named = Object.entries(originPlaces).map(([word, number]) => [
      `ORIGIN_${word.toUpperCase()}`,
      number,
    ]);
    expect(Object.entries(places)).toEqual(named);
    expect(ORIGIN_UNLINKED).toBe(originUnlinked);
  });

  it("has room for what the language lets a policy say", () => {
    expect(policyLimits.args).toBe(abi.recordLimits.RULE_ARGS);
    expect(policyLimits.argIndex).toBeLessThan(abi.limits.MAX_ARGS);
    expect(policyLimits.prefixBytes).toBeLessThanOrEqual(abi.limits.PREFIX_SIZE);
    expect(policyLimits.postfixBytes).toBe(abi.limits.POSTFIX_SIZE);
    expect(policyLimits.binaryBytes).toBeLessThan(abi.limits.BINARY_SIZE);
  });
});
