// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import type { Assignment } from "../language/assignment.ts";
import { isAssignable, registerParts } from "../language/registers.ts";
import { parseInteger, quote, readAll, type Value } from "../language/values.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";

/** What registers become, as `argRegs` says; undefined if anything is wrong. */
export function compileRegisters(
  texts: readonly (string | undefined)[],
  scope: Scope,
): readonly Assignment[] | undefined {
  if (texts.length === 0 || texts.length > limits.assignments) {
    scope.error(
      "policy-out-of-bounds",
      `There are ${texts.length} assignments; 1 to ${limits.assignments} are possible`,
      "Each register is needed once.",
    );
    return undefined;
  }
  // The shape of a missing one was refused.
  const given = texts.filter((text) => text !== undefined);
  const found = readAll(given, scope, parseAssignment);
  return given.length === texts.length ? found : undefined;
}

const forms =
  "Write `rax=11`, `rbp=%rsp` (a register), `rsp=8%rsp` (a register and a number), `rbp=(%rsp)` or `rip=8(%rsp)` (memory at a register).";

export function parseAssignment(text: string): Value<Assignment> {
  const [, to, offset = "", plain, behind] =
    /^\s*(\w+)\s*=\s*([^\s%()]*)\s*(?:%(\w+)|\(\s*%(\w+)\s*\))?\s*$/.exec(text) ?? [];
  const from = (plain ?? behind)?.toLowerCase();
  if (to === undefined || (offset === "" && from === undefined))
    return { wrong: `${quote(text)} is no assignment to a register`, hint: forms };
  const wrong = whyNotAssignable(to) ?? (from === undefined ? undefined : whyNoRegister(from));
  if (wrong !== undefined) return wrong;
  const add = offset === "" ? ({ ok: 0n } as const) : parseInteger(offset);
  if ("wrong" in add) return add;
  if (add.ok < -(2n ** 63n) || add.ok >= 2n ** 64n)
    return { wrong: `${quote(offset)} has more than 64 bits`, hint: "Write a smaller number." };
  const value: Assignment = {
    to: to.toLowerCase(),
    ...(from === undefined ? {} : { from }),
    ...(behind === undefined ? {} : { inMemory: true }),
    add: add.ok,
  };
  return { ...add, ok: value };
}

function whyNotAssignable(name: string) {
  const part = registerParts.get(name.toLowerCase());
  if (part === undefined) return whyNoRegister(name);
  if (isAssignable(part.register)) return undefined;
  return {
    wrong: `${name} cannot be changed: programs have no say in it`,
    hint: "Possible are the registers that programs compute with, rsp and rip.",
  };
}

function whyNoRegister(name: string) {
  if (registerParts.has(name.toLowerCase())) return undefined;
  const near = nearestName(name.toLowerCase(), [...registerParts.keys()]);
  return {
    wrong: `There is no register ${quote(name)}`,
    hint:
      near === undefined
        ? "Registers are those of x86-64: rax, eax, r8 …"
        : `Did you mean ${near}?`,
  };
}
