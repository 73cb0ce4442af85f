// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import { type ArgSpec, type ArgType, hookKinds, typeRow } from "@gander/crd-schemas";
import type { CompiledArg, CompiledHook } from "../compiled-policy.ts";
import { overrides, wantsReturn } from "../kernel-check/hook-traits.ts";
import { type RegisterPart, registerParts } from "../language/registers.ts";
import type { Scope } from "../scope.ts";
import {
  type ArgHook,
  type Args,
  checkMaxData,
  commonOf,
  compilePath,
  compileType,
  isOfFunction,
  isSet,
  refuseBufferFields,
} from "./compile-args.ts";

/** Values that aren't arguments of the call. */
export function compileData(
  data: readonly (ArgSpec | undefined)[],
  scope: Scope,
  hook: ArgHook,
): Args {
  return data.map(
    (entry, i) => entry && compileDatum(entry, { scope: scope.at(i), index: i, hook }),
  );
}

type Place = { readonly scope: Scope; readonly index: number; readonly hook: ArgHook };

function compileDatum(arg: ArgSpec, place: Place): CompiledArg | undefined {
  const { scope } = place;
  const type = compileType(arg, scope);
  const compile = sourceOf(arg, scope);
  if (!compile || !type) return undefined;
  checkMaxData(arg, type, scope);
  if (type !== "auto" && typeRow(type).sized) {
    scope
      .at("type")
      .error("policy-rule", `The size of a ${type} is an argument of a call`, "Use string.");
    return undefined;
  }
  if (!isOfFunction(type, scope)) return undefined;
  refuseBufferFields(arg, type, scope);
  return compile(arg, type, place);
}

type Compile = (arg: ArgSpec, type: CompiledArg["type"], place: Place) => CompiledArg | undefined;

const sources = { current_task: ofTask, pt_regs: ofRegisters } satisfies Record<string, Compile>;

function sourceOf({ source }: ArgSpec, scope: Scope): Compile | undefined {
  const found = Object.entries(sources).find(([name]) => name === source)?.[1];
  if (found !== undefined) return found;
  const names = Object.keys(sources).map((name) => `\`source: ${name}\``);
  if (!isSet(source))
    scope.error("policy-missing-field", "The data has no source", `Add ${names.join(", or ")}.`);
  else
    scope
      .at("source")
      .error(
        "policy-unknown-value",
        `There is no source "${source.slice(0, 80)}"`,
        `Write ${names.join(" or ")}.`,
      );
  return undefined;
}

function ofTask(
  arg: ArgSpec,
  type: CompiledArg["type"],
  { scope, index, hook }: Place,
): CompiledArg | undefined {
  const isRight = refuseTypes(
    arg,
    scope,
    "The source is a struct task_struct, whatever the entry says",
    "Remove it: `resolve:` begins with a member of struct task_struct.",
  );
  if (!isSet(arg.resolve)) {
    scope.error(
      "policy-missing-field",
      "The data has no path to its value",
      "Add `resolve:` with members of struct task_struct, such as `resolve: real_parent.comm`.",
    );
    return undefined;
  }
  const path = compilePath(arg, scope, { ...hook, kind: "kprobe", syscall: false });
  if (!isRight || path === undefined) return undefined;
  return { ...commonOf(arg, type, scope), index, source: "current-task", ...path };
}

function ofRegisters(
  arg: ArgSpec,
  type: CompiledArg["type"],
  { scope, index, hook }: Place,
): CompiledArg | undefined {
  const isRight = refuseTypes(
    arg,
    scope,
    "The value in a register is read as its type says; no path leads on from there",
    "Remove it; an argument below `args:` may have a path.",
  );
  if (!isSet(arg.resolve)) {
    scope.error(
      "policy-missing-field",
      "The data names no register",
      "Add `resolve:` with its name, such as `resolve: rdi`.",
    );
    return undefined;
  }
  const part = registerParts.get(arg.resolve.toLowerCase());
  if (part === undefined) {
    scope.at("resolve").error("policy-unknown-value", ...noRegister(arg.resolve));
    return undefined;
  }
  const read = type === "auto" ? (`uint${part.size * 8}` as ArgType) : type;
  if (!isRight || !isInRegister(read, part, hook, scope)) return undefined;
  const resolve = arg.resolve.toLowerCase();
  return { ...commonOf(arg, read, scope), index, source: "registers", resolve };
}

function noRegister(text: string): [message: string, hint: string] {
  const near = nearestName(text.toLowerCase(), [...registerParts.keys()]);
  return [
    `There is no register "${text.slice(0, 80)}"`,
    near === undefined
      ? "Registers are those of x86-64: rax, rbx …, r8 to r15, and parts of them such as eax, ax, al."
      : `Did you mean "${near}"?`,
  ];
}

/** Whether a value of that type can be in a register, or behind it. */
function isInRegister(
  type: ArgType,
  { size }: RegisterPart,
  { kind }: ArgHook,
  scope: Scope,
): boolean {
  const { family, structure, readUser } = typeRow(type);
  const isNumber = (family === "integer" && structure === undefined) || type === "fd";
  const place = scope.at("type");
  if (hookKinds[kind].ofProgram && readUser === undefined)
    place.error(
      "policy-rule",
      `A register of a program holds no ${type}: that is an object of the kernel`,
      "Use an integer type, string or fd.",
    );
  else if (!isNumber && type !== "nop" && size < 8)
    place.error(
      "policy-rule",
      `This part of a register has ${size === 1 ? "1 byte" : `${size} bytes`}, which is no address of a ${type}`,
      "Name the whole register, such as rdi, or use an integer type.",
    );
  else return true;
  return false;
}

/** Says so for each, and returns whether there is none. */
function refuseTypes(arg: ArgSpec, scope: Scope, message: string, hint: string): boolean {
  const given = (["btfType", "btfTypeModule"] as const).filter((field) => isSet(arg[field]));
  for (const field of given) scope.at(field).onKey.error("policy-rule", message, hint);
  return given.length === 0;
}

/** Whether the values of registers can be had where this entry is attached, on any kernel. */
export function checkRegisters(hook: CompiledHook, scope: Scope): void {
  const why = whyNoRegisters(hook);
  if (why === undefined) return;
  for (const { source, index } of hook.args)
    if (source === "registers") scope.at("data", index, "source").error("policy-rule", ...why);
}

function whyNoRegisters(hook: CompiledHook): [message: string, hint: string] | undefined {
  if (hook.generated !== undefined)
    return [
      "A program that is at many functions at once does not see all registers on every kernel",
      "Write the names of the functions in a list, or read arguments.",
    ];
  if (wantsReturn(hook))
    return [
      "When the function returns, its registers are those of the return, not of the place that is hooked",
      "Remove `return`, or write a second entry for the return value.",
    ];
  if (overrides(hook) && !hookKinds[hook.kind].ofProgram)
    return [
      "A program that sees registers cannot deny the call",
      "Read arguments instead, or use Sigkill or Signal.",
    ];
  return undefined;
}
