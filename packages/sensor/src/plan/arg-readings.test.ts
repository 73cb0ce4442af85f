// SPDX-License-Identifier: Apache-2.0
import { type CompiledHook, placeHook, type TypedArg } from "@gander/policy";
import { expect, it } from "vitest";
import { functionArg } from "./arg-readings.ts";
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
