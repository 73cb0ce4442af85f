// SPDX-License-Identifier: Apache-2.0
import { type ActionSpec, hookKinds } from "@gander/crd-schemas";
import type { OverrideAction } from "../compiled-policy.ts";
import type { Scope } from "../scope.ts";
import type { ActionContext } from "./action-context.ts";
import { compileRegisters } from "./compile-registers.ts";
import { readNumber, readSymbol } from "./read-place.ts";

type Compile = (
  spec: ActionSpec,
  scope: Scope,
) => {
  readonly [Field in keyof Omit<OverrideAction, "action">]?: OverrideAction[Field] | undefined;
};

const place = (found: ReturnType<typeof readSymbol>) => ({
  place:
    found === undefined || found.by === "probe"
      ? undefined
      : { by: found.by, name: found.name, plus: found.plus },
});

/** What Override does, by the parameter that says so. */
const parameters = {
  argError: ({ argError }) => ({ error: argError }),
  argRegs: ({ argRegs = [] }, scope) => ({
    registers: compileRegisters(argRegs, scope.at("argRegs")),
  }),
  argNewSymbol: ({ argNewSymbol }, scope) =>
    place(readSymbol(argNewSymbol, scope.at("argNewSymbol"))),
  argNewAddr: ({ argNewAddr }, scope) =>
    place(readNumber(argNewAddr, "address", scope.at("argNewAddr"))),
  argNewOffset: ({ argNewOffset }, scope) =>
    place(readNumber(argNewOffset, "offset", scope.at("argNewOffset"))),
} as const satisfies Partial<Record<keyof ActionSpec, Compile>>;
const names = Object.keys(parameters) as (keyof typeof parameters)[];

export function compileOverride(
  spec: ActionSpec,
  scope: Scope,
  context: ActionContext,
): OverrideAction | undefined {
  const impossible = whyNoOverride(context);
  if (impossible) {
    scope.at("action").error("policy-action", impossible.message, impossible.hint);
    return undefined;
  }
  const [name, other] = names.filter((field) => spec[field] !== undefined);
  const isOfProgram = hookKinds[context.kind].ofProgram;
  if (name === undefined || other !== undefined) {
    scope.error(
      "policy-action",
      name === undefined
        ? "Override does not say what the call returns"
        : `${name} and ${other} exclude each other`,
      name === undefined ? "Add `argError: -1` (EPERM: not permitted)." : "Keep one of them.",
    );
    return undefined;
  }
  if (name !== "argError" && !isOfProgram) {
    scope
      .at(name)
      .onKey.error(
        "policy-action",
        `${name} is for functions of programs, and this hook is in the kernel`,
        "Write `argError: -1` (EPERM: not permitted).",
      );
    return undefined;
  }
  if (!isOfProgram && spec.argError !== undefined && !isError(spec.argError, scope))
    return undefined;
  const compiled: ReturnType<Compile> = parameters[name](spec, scope);
  const wasRead = Object.values(compiled).every((value) => value !== undefined);
  return wasRead ? ({ action: "override", ...compiled } as OverrideAction) : undefined;
}

export function isError(error: number, scope: Scope): boolean {
  if (error >= -4095 && error < 0) return true;
  scope
    .at("argError")
    .error("policy-bad-value", `${error} is not an error a call can return`, errorHint(error));
  return false;
}

function errorHint(error: number): string {
  const range = "Errors are -4095 to -1; -1 is EPERM (not permitted), -13 EACCES.";
  return error > 0 && error <= 4095 ? `Write ${-error}. ${range}` : range;
}

function whyNoOverride({
  kind,
  target,
  syscall,
  side,
  onReturn,
}: ActionContext): { message: string; hint: string } | undefined {
  if (side === "return") {
    return {
      message: "Override is not possible when the call has already returned",
      hint: "Move it to matchActions.",
    };
  }
  if (kind === "usdt") {
    return {
      message:
        "Override is not possible at a static probe, which is no call: nothing returns there",
      hint: "Use Sigkill or Signal; what the program asks of the kernel can be denied below lsmhooks.",
    };
  }
  if (kind === "uprobe") {
    if (!onReturn) return undefined;
    return {
      message:
        "Override and `return` exclude each other at a function of a program: the function that returns would be another one, or none",
      hint: "Remove `return`, or write a second entry for the return value of other calls.",
    };
  }
  if (kind === "tracepoint") {
    return {
      message: "Override is not possible at a tracepoint",
      hint: "Use an lsm hook or a kprobe on a `security_…` function.",
    };
  }
  if (kind === "lsm" || syscall || target === "" || target.startsWith("security_"))
    return undefined;
  return {
    message: `Override is not possible at ${target}`,
    hint: "The kernel lets only `security_…` functions and system calls be overridden; Sigkill and Signal are possible here.",
  };
}
