// SPDX-License-Identifier: Apache-2.0
import type { ArgSpec, HookKind } from "@gander/crd-schemas";
import {
  type ArgType,
  argTypeRows,
  argTypesByName,
  hookKinds,
  insteadOfArgType,
  returnedTypes,
  typeRow,
} from "@gander/crd-schemas";
import type { CompiledArg } from "../compiled-policy.ts";
import { lastPosition } from "../language/last-position.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";
import { cutText } from "./cut-text.ts";
import { refuseFields } from "./unsupported.ts";

/** An argument of a hook that filters can refer to; undefined if it has an error. */
export type Args = readonly (CompiledArg | undefined)[];

/** The properties of a hook that its arguments depend on. */
export type ArgHook = { readonly kind: HookKind; readonly syscall: boolean };

export function compileArgs(
  args: readonly (ArgSpec | undefined)[],
  scope: Scope,
  hook: ArgHook,
): Args {
  return args.map((arg, i) => {
    if (arg === undefined) return undefined;
    const place = scope.at(i);
    if (!isSet(arg.source)) return compileArg(arg, place, hook);
    place
      .at("source")
      .error(
        "policy-rule",
        "An argument is one of the call, so it has no source",
        hookKinds[hook.kind].data
          ? "Move it from `args:` to `data:`."
          : "Hook a function below kprobes: it may have `data:` with a source.",
      );
    return undefined;
  });
}

export function checkCount(args: number, data: number, scope: Scope): void {
  if (args + data <= limits.args) return;
  scope.error(
    "policy-out-of-bounds",
    `The hook reads ${args + data} arguments${data > 0 ? " and data" : ""}; ${limits.args} are possible`,
    "Leave out those that no filter needs.",
  );
}

function compileArg(arg: ArgSpec, scope: Scope, hook: ArgHook): CompiledArg | undefined {
  const last = lastPosition(hook.kind);
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
  const path = compilePath(arg, scope, hook);
  if (!type || !path) return undefined;
  checkMaxData(arg, type, scope);
  if (hook.syscall && !isOfSyscall(type, scope)) return undefined;
  const isField = hookKinds[hook.kind].fields && path.resolve === undefined;
  if (hookKinds[hook.kind].ofProgram && !isOfProgram(type, scope)) return undefined;
  if (!isField && !isOfFunction(type, scope)) return undefined;
  const compiled: CompiledArg = { ...commonOf(arg, type, scope), ...path };
  if (type !== "auto" && typeRow(type).sized) return compileBuffer(compiled, arg, scope, hook);
  refuseBufferFields(arg, type, scope);
  return compiled;
}

export const commonOf = (arg: ArgSpec, type: CompiledArg["type"], scope: Scope): CompiledArg => ({
  index: arg.index,
  type,
  label: cutText(arg.label ?? "", limits.labelBytes, scope.at("label")),
  returnCopy: false,
  ...(arg.maxData === true && hasMaxData(type) ? { maxData: true } : {}),
});

export const isSet = (text: string | undefined): text is string =>
  text !== undefined && text !== "";

type Path = Pick<CompiledArg, "resolve" | "btfType" | "btfTypeModule">;

const step = "(?:[A-Za-z_][A-Za-z0-9_]*|\\[[0-9]{1,7}\\])";
const pathPattern = new RegExp(`^${step}(?:\\.[A-Za-z_][A-Za-z0-9_]*|\\[[0-9]{1,7}\\])*$`);
const namePattern = /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/;

/** The way from an argument to the value; undefined: it has an error. */
export function compilePath(arg: ArgSpec, scope: Scope, hook: ArgHook): Path | undefined {
  const given = (["resolve", "btfType", "btfTypeModule"] as const).filter((field) =>
    isSet(arg[field]),
  );
  const [first] = given;
  if (first === undefined) return {};
  const { ofProgram } = hookKinds[hook.kind];
  if (hook.syscall || ofProgram) {
    const what = ofProgram ? "a function of a program" : "a system call";
    const behind = ofProgram
      ? "of the kernel below kprobes"
      : "behind the system call with `syscall: false`";
    scope
      .at(first)
      .onKey.error(
        "policy-rule",
        `Arguments of ${what} are no structures of the kernel, so nothing can be followed from them`,
        `Hook the function ${behind}.`,
      );
    return undefined;
  }
  const checks = [checkResolve(arg, scope), checkNames(arg, scope)];
  if (checks.includes(false)) return undefined;
  return Object.fromEntries(given.map((field) => [field, arg[field]]));
}

function checkResolve({ resolve }: ArgSpec, scope: Scope): boolean {
  if (!isSet(resolve)) return true;
  const place = scope.at("resolve");
  const steps = resolve.match(/[^.[]+/g)?.length ?? 0;
  if (steps > limits.pathSteps)
    place.error(
      "policy-out-of-bounds",
      `The path has ${steps} steps; ${limits.pathSteps} are possible`,
      "Hook a function that has an argument nearer to the value.",
    );
  else if (!pathPattern.test(resolve))
    place.error(
      "policy-bad-value",
      `"${resolve.slice(0, 80)}" is no path of members`,
      "Write names of members with dots, and elements of arrays as in `f_path.dentry.d_name.name` or `numbers[0].nr`.",
    );
  else return true;
  return false;
}

function checkNames(arg: ArgSpec, scope: Scope): boolean {
  for (const field of ["btfType", "btfTypeModule"] as const) {
    const name = arg[field];
    if (!isSet(name) || namePattern.test(name)) continue;
    const what = field === "btfType" ? "a structure" : "a module";
    scope
      .at(field)
      .error(
        "policy-bad-name",
        `"${name.slice(0, 80)}" cannot be the name of ${what}`,
        field === "btfType"
          ? "Write it without `struct` and without *, such as `btfType: sock`."
          : "Write the name that lsmod shows.",
      );
    return false;
  }
  if (!isSet(arg.btfTypeModule) || isSet(arg.btfType)) return true;
  scope
    .at("btfTypeModule")
    .onKey.error(
      "policy-missing-field",
      "btfTypeModule names a module, but no structure in it",
      "Add `btfType:`, or remove it.",
    );
  return false;
}

function isOfSyscall(type: CompiledArg["type"], scope: Scope): boolean {
  if (type === "auto") return needsType(scope, "a system call");
  const hint = typeRow(type).ofSyscall;
  if (hint === undefined) return true;
  scope
    .at("type")
    .error("policy-rule", `A system call has no argument of type ${type} that could be read`, hint);
  return false;
}

/** Says so, and returns false. */
function needsType(scope: Scope, what: string): boolean {
  scope.error(
    "policy-missing-field",
    `The argument has no type, and the kernel's types don't say what ${what} takes`,
    `Write the type, such as ${argTypeRows
      .filter((row) => row.readUser !== undefined && row.elsewhere === undefined)
      .slice(0, 12)
      .map((row) => row.type)
      .join(", ")}.`,
  );
  return false;
}

function isOfProgram(type: CompiledArg["type"], scope: Scope): boolean {
  if (type === "auto") return needsType(scope, "a function of a program");
  const { readUser, elsewhere } = typeRow(type);
  if (readUser !== undefined || elsewhere !== undefined) return true;
  scope
    .at("type")
    .error(
      "policy-rule",
      `A function of a program has no argument of type ${type}: that is an object of the kernel`,
      "Use an integer type, string, char_buf or fd; or hook a function of the kernel below kprobes.",
    );
  return false;
}

export function isOfFunction(type: CompiledArg["type"], scope: Scope): boolean {
  const hint = type === "auto" ? undefined : typeRow(type).elsewhere;
  if (hint === undefined) return true;
  scope
    .at("type")
    .error("policy-rule", `Only a field of a tracepoint can be read as ${type}`, hint);
  return false;
}

export function refuseBufferFields(arg: ArgSpec, type: string, scope: Scope): void {
  for (const field of ["sizeArgIndex", "returnCopy"] as const) {
    if (arg[field] === undefined || arg[field] === false || arg[field] === 0) continue;
    scope
      .at(field)
      .onKey.error(
        "policy-rule",
        `${field} is for arguments of type char_buf or char_iovec, this one is ${type}`,
        "Remove it, or set the type to char_buf.",
      );
  }
}

export function compileType(arg: ArgSpec, scope: Scope): CompiledArg["type"] | undefined {
  const row = argTypesByName.get(arg.type);
  if (row) return row.type;
  if (arg.type === "auto") return "auto";
  scope
    .at("type")
    .error(
      "policy-not-supported",
      `Arguments of type ${arg.type} are not supported yet`,
      insteadOfArgType(arg.type) || `Supported are ${[...argTypesByName.keys()].join(", ")}.`,
    );
  return undefined;
}

function compileBuffer(
  compiled: CompiledArg,
  arg: ArgSpec,
  scope: Scope,
  hook: ArgHook,
): CompiledArg | undefined {
  if (arg.returnCopy) {
    // A buffer that the call fills: its size is the return value of the call.
    if (hookKinds[hook.kind].returns) return { ...compiled, returnCopy: true };
    scope
      .at("returnCopy")
      .onKey.error(
        "policy-rule",
        "returnCopy needs the return of the call, which only kprobes and uprobes see",
        "Use sizeArgIndex, or hook a function below kprobes.",
      );
    return undefined;
  }
  const size = arg.sizeArgIndex ?? 0;
  if (size === 0) {
    scope.error(
      "policy-missing-field",
      `A ${arg.type} needs the argument that holds its size`,
      "Add `sizeArgIndex:`, which counts from 1: 3 is the argument with index 2.",
    );
    return undefined;
  }
  const wrong = wrongSizePosition(size, arg.index, lastPosition(hook.kind));
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

/** Whether events can carry more of it; of `auto`, the kernel's types decide. */
const hasMaxData = (type: CompiledArg["type"]): boolean =>
  type === "auto" || typeRow(type).maxData === true;

export function checkMaxData({ maxData }: ArgSpec, type: CompiledArg["type"], scope: Scope): void {
  if (maxData !== true || hasMaxData(type)) return;
  const types = argTypeRows.filter((row) => row.maxData === true).map((row) => row.type);
  scope
    .at("maxData")
    .onKey.warning(
      "policy-rule",
      `maxData changes nothing for an argument of type ${type}`,
      `Remove it: it is for buffers (${types.join(", ")}).`,
    );
}

const returnFields = {
  resolve: "Hook a function that has the value as an argument.",
  source: "The return value is that of the function.",
  btfType: "It is read as its type says.",
  btfTypeModule: "It is read as its type says.",
} as const;

/** The return value: a number, a path, a text or a socket. */
export function compileReturnArg(
  arg: ArgSpec,
  hook: ArgHook,
  scope: Scope,
): CompiledArg | undefined {
  if (!refuseFields(arg, scope, returnFields)) return undefined;
  const compiled = compileArg({ ...arg, index: 0 }, scope, { ...hook, syscall: false });
  if (!compiled || compiled.type === "auto") return compiled;
  const { type } = compiled;
  if (hook.syscall && !isInteger(type) && type !== "fd") {
    scope
      .at("type")
      .error(
        "policy-rule",
        `A system call returns no ${type}`,
        "Use an integer type, such as int or long, or fd for a descriptor; or hook the function behind the system call with `syscall: false`.",
      );
    return undefined;
  }
  if (isInteger(type) || isReturned.has(type)) return compiled;
  scope
    .at("type")
    .error(
      "policy-not-supported",
      `A return value of type ${arg.type} is not supported yet`,
      `Use an integer type, such as int or long, or ${[...isReturned].join(", ")}; another pointer can be read as uint64.`,
    );
  return undefined;
}

const isInteger = (type: ArgType): boolean => typeRow(type).family === "integer";

/** Functions return pointers to these, or an error in place of the pointer: then there is no value. */
const isReturned: ReadonlySet<ArgType> = new Set(returnedTypes);
