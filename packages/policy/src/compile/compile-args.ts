// SPDX-License-Identifier: Apache-2.0
import type { ArgSpec, HookKind } from "@gander/crd-schemas";
import { argTypesByName, hookKinds, insteadOfArgType, typeRow } from "@gander/crd-schemas";
import type { CompiledArg } from "../compiled-policy.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";
import { cutText } from "./cut-text.ts";
import { refuseFields } from "./unsupported.ts";

/** An argument of a hook that filters can refer to; undefined if it has an error. */
export type Args = readonly (CompiledArg | undefined)[];

/** The properties of a hook that its arguments depend on. */
type ArgHook = { readonly kind: HookKind; readonly syscall: boolean };

export function compileArgs(
  args: readonly (ArgSpec | undefined)[],
  scope: Scope,
  hook: ArgHook,
): Args {
  if (args.length > limits.args) {
    scope.error(
      "policy-out-of-bounds",
      `The hook reads ${args.length} arguments; ${limits.args} are possible`,
      "Leave out those that no filter needs.",
    );
  }
  return args.map((arg, i) => arg && compileArg(arg, scope.at(i), hook));
}

function compileArg(arg: ArgSpec, scope: Scope, hook: ArgHook): CompiledArg | undefined {
  const supported = refuseFields(arg, scope, argFields);
  const last = lastPosition(hook);
  if (arg.index > last) {
    scope
      .at("index")
      .error(
        "policy-index",
        `Argument ${arg.index} cannot be read; the last one possible is ${last}`,
        "Positions count from 0.",
      );
    return undefined;
  }
  const type = compileType(arg, scope);
  if (!type || !supported) return undefined;
  if (hook.syscall && !isOfSyscall(type, scope)) return undefined;
  if (!hookKinds[hook.kind].fields && !isOfFunction(type, scope)) return undefined;
  const compiled: CompiledArg = {
    index: arg.index,
    type,
    label: cutText(arg.label ?? "", limits.labelBytes, scope.at("label")),
    returnCopy: arg.returnCopy,
  };
  if (type === "char_buf") return compileBuffer(compiled, arg, scope, hook);
  refuseBufferFields(arg, type, scope);
  return { ...compiled, returnCopy: false };
}

const lastPosition = ({ kind }: ArgHook): number =>
  hookKinds[kind].fields ? limits.tracepointIndex : limits.argIndex;

function isOfSyscall(type: CompiledArg["type"], scope: Scope): boolean {
  const hint = typeRow(type).ofSyscall;
  if (hint === undefined) return true;
  scope
    .at("type")
    .error("policy-rule", `A system call has no argument of type ${type} that could be read`, hint);
  return false;
}

function isOfFunction(type: CompiledArg["type"], scope: Scope): boolean {
  const hint = typeRow(type).elsewhere;
  if (hint === undefined) return true;
  scope
    .at("type")
    .error("policy-rule", `Only a field of a tracepoint can be read as ${type}`, hint);
  return false;
}

function refuseBufferFields(arg: ArgSpec, type: string, scope: Scope): void {
  for (const field of ["sizeArgIndex", "returnCopy"] as const) {
    if (arg[field] === undefined || arg[field] === false || arg[field] === 0) continue;
    scope
      .at(field)
      .onKey.error(
        "policy-rule",
        `${field} is for arguments of type char_buf, this one is ${type}`,
        "Remove it, or set the type to char_buf.",
      );
  }
}

function compileType(arg: ArgSpec, scope: Scope): CompiledArg["type"] | undefined {
  const row = argTypesByName.get(arg.type);
  if (row) return row.type;
  if (arg.type === "auto") {
    scope
      .at("type")
      .error(
        "policy-not-supported",
        "The argument has no type; types are not guessed from the kernel yet",
        `Write the type, one of ${supportedTypes()}.`,
      );
    return undefined;
  }
  scope
    .at("type")
    .error(
      "policy-not-supported",
      `Arguments of type ${arg.type} are not supported yet`,
      insteadOfArgType(arg.type) || `Supported are ${supportedTypes()}.`,
    );
  return undefined;
}

const supportedTypes = (): string => [...argTypesByName.keys()].join(", ");

function compileBuffer(
  compiled: CompiledArg,
  arg: ArgSpec,
  scope: Scope,
  hook: ArgHook,
): CompiledArg | undefined {
  if (arg.returnCopy) {
    // A buffer that the call fills: its size is the return value of the call.
    if (hookKinds[hook.kind].returns) return compiled;
    scope
      .at("returnCopy")
      .onKey.error(
        "policy-rule",
        "returnCopy needs the return of the call, which only kprobes see",
        "Use sizeArgIndex, or hook a function below kprobes.",
      );
    return undefined;
  }
  const size = arg.sizeArgIndex ?? 0;
  if (size === 0) {
    scope.error(
      "policy-missing-field",
      "A char_buf needs the argument that holds its size",
      "Add `sizeArgIndex:`, which counts from 1: 3 is the argument with index 2.",
    );
    return undefined;
  }
  const wrong = wrongSizePosition(size, arg.index, lastPosition(hook));
  if (wrong === undefined) return { ...compiled, sizeIndex: size - 1 };
  scope.at("sizeArgIndex").error("policy-index", wrong.message, wrong.hint);
  return undefined;
}

function wrongSizePosition(size: number, index: number, last: number) {
  if (size - 1 > last) {
    return {
      message: `sizeArgIndex ${size} is beyond the last argument, ${last + 1}`,
      hint: "It counts from 1: 3 is the third argument, the one with index 2.",
    };
  }
  if (size - 1 !== index) return undefined;
  return {
    message: "sizeArgIndex names the buffer itself",
    hint: `It counts from 1: for the argument with index ${index + 1} write ${index + 2}.`,
  };
}

const argFields = {
  resolve: "Hook a function that has the value as an argument.",
  maxData: "Up to 4096 bytes of a buffer are read without it.",
  source: "Arguments are those of the function only.",
  btfType: "Arguments are read as their type says.",
  btfTypeModule: "Arguments are read as their type says.",
} as const;

/** The return value: a number, in events and in filters. */
export function compileReturnArg(arg: ArgSpec, scope: Scope): CompiledArg | undefined {
  const compiled = compileArg({ ...arg, index: 0 }, scope, { kind: "kprobe", syscall: false });
  if (!compiled) return undefined;
  if (typeRow(compiled.type).family !== "integer") {
    scope
      .at("type")
      .error(
        "policy-not-supported",
        `A return value of type ${arg.type} is not supported yet`,
        "Use an integer type, such as int or long; a pointer can be read as uint64.",
      );
    return undefined;
  }
  return compiled;
}
