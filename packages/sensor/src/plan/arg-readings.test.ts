// SPDX-License-Identifier: Apache-2.0
import { type CompiledHook, placeHook, type TypedArg } from "@gander/policy";
import { expect, it } from "vitest";
import { limits, slotFlags, valueType } from "../link/abi.gen.ts";
import { functionArg, recordArg } from "./arg-readings.ts";
import type { PlanFacts } from "./plan-facts.ts";

const types = "int8 uint8 int16 uint16 int uint32 int64 uint64 size_t string char_buf fd".split(
  " ",
);
const structures = "file path filename linux_binprm sock sockaddr nop".split(" ");

const facts = { prototype: () => undefined, hasSymbol: () => true } as unknown as PlanFacts;

it.each([...types, ...structures])(
  "can read %s where a policy may have it, and only there",
  (type) => {
    const arg = { index: 0, type, label: "", returnCopy: false } as TypedArg;
    for (const syscall of [false, true]) {
      const hook = { kind: "kprobe", target: "sys_a", syscall, args: [arg], selectors: [] };
      const { refusals } = placeHook(hook as unknown as CompiledHook, facts);
      const reading = functionArg(arg, syscall ? "user" : "kernel");
      expect(reading !== undefined, `syscall: ${syscall}`).toBe(refusals === undefined);
    }
  },
);

it.each([
  ["char_buf", true],
  ["char_iovec", true],
  ["iov_iter", true],
  ["string", false],
  ["const_buf", false],
  ["int", false],
] as const)("reads more of a %s where a policy asks for it: %s", (type, expected) => {
  const arg = { index: 0, type, label: "", returnCopy: false };
  const field = { name: "f", type: "f", offsetBytes: 8, sizeBytes: 8, signed: false };
  for (const maxData of [true, false]) {
    const asked = { ...arg, ...(maxData ? { maxData } : {}) } as TypedArg;
    for (const reading of [
      functionArg(asked, "kernel"),
      recordArg(asked, field, field, "kernel"),
    ]) {
      const flags = reading?.slot.flags ?? 0;
      expect((flags & slotFlags.SLOT_MAX_DATA) !== 0).toBe(expected && maxData);
    }
  }
});

it("reads more of a buffer that the call has filled", () => {
  const arg = { index: 1, type: "char_buf", label: "", returnCopy: true, maxData: true } as const;
  expect(functionArg(arg, "user")?.slot).toEqual({
    ...{ type: valueType.VALUE_USER_BUFFER, raw: 1, sizeRaw: limits.RAW_RETURN, size: 0 },
    flags: slotFlags.SLOT_MAX_DATA,
  });
});
