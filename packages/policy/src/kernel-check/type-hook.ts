// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { type ArgType, argOperatorsByName } from "@gander/crd-schemas";
import { compileExpression } from "../compile/compile-expression.ts";
import { compileTest } from "../compile/compile-test.ts";
import type {
  CompiledArg,
  CompiledFilter,
  CompiledHook,
  TypedFilter,
  TypedHook,
} from "../compiled-policy.ts";
import { createScope } from "../scope.ts";
import type { AttachFacts } from "./attach-facts.ts";
import { checkOverlayInodes } from "./overlay-inodes.ts";
import type { ArgPlace } from "./path-refusals.ts";
import { type Refusal, unknownSets } from "./refusals.ts";
import { typeArg } from "./type-arg.ts";

/** What a kernel makes of a hook entry; weaknesses: where it reads less than the policy suggests. */
type TypedResult =
  | { readonly hook: TypedHook; readonly weaknesses: readonly string[]; readonly refusals?: never }
  | { readonly refusals: readonly Refusal[]; readonly hook?: never };

/**
 * Decides by the kernel's types what a policy leaves open: the types of its arguments, the routes to values
 * behind them, and the values of filters on both.
 */
export function typeHook(hook: CompiledHook, facts: AttachFacts): TypedResult {
  const refusals: Refusal[] = [];
  const weaknesses: string[] = [];
  const typed = <Arg extends CompiledArg>(arg: Arg, position: number | "return") => {
    const found = typeArg(arg, placeOf(arg, position, hook), hook, facts);
    if (found.weakness !== undefined) weaknesses.push(found.weakness);
    if (found.refusal !== undefined) refusals.push(found.refusal);
    return found.arg;
  };
  const args = hook.args.map(typed);
  const returnArg = hook.returnArg && typed(hook.returnArg, "return");
  // The types of filters on an argument that can't be read are not known.
  if (refusals.length > 0) return { refusals };
  const { returnArg: _, ...rest } = hook;
  const types = { args: args.map((arg) => arg?.type), returned: returnArg?.type };
  const { selectors, ...found } = typeSelectors(hook, types);
  weaknesses.push(...found.weaknesses);
  refusals.push(...found.refusals);
  refusals.push(...checkOverlayInodes({ selectors }, facts));
  if (refusals.length > 0) return { refusals };
  const whole = args.filter((arg) => arg !== undefined);
  return {
    hook: { ...rest, args: whole, ...(returnArg ? { returnArg } : {}), selectors },
    weaknesses,
  };
}

/** By position in `args`; undefined: not known. */
export type TypesOfHook = {
  readonly args: readonly (ArgType | undefined)[];
  readonly returned: ArgType | undefined;
};

/** The selectors of a hook entry whose arguments have these types. Filters with refusals are left out. */
export function typeSelectors(hook: CompiledHook, { args, returned }: TypesOfHook) {
  const refusals: Refusal[] = [];
  const weaknesses: string[] = [];
  const typeOf = (arg: number | "return") => (arg === "return" ? returned : args[arg]) ?? "nop";
  const filtersOf = (filters: readonly CompiledFilter[]) =>
    filters.flatMap(
      (filter) => typeFilter(filter, { typeOf, types: args }, { refusals, weaknesses }) ?? [],
    );
  const selectors = hook.selectors.map((selector) => ({
    ...selector,
    filters: filtersOf(selector.filters),
    returnFilters: filtersOf(selector.returnFilters),
  }));
  return { selectors, refusals, weaknesses };
}

function placeOf(arg: CompiledArg, position: number | "return", hook: CompiledHook): ArgPlace {
  if (position === "return")
    return {
      path: `${hook.path}.returnArg`,
      says: `the return value of ${hook.target}`,
      isReturn: true,
    };
  if (arg.source !== undefined)
    return {
      path: `${hook.path}.data[${arg.index}]`,
      says: arg.source === "registers" ? `the register ${arg.resolve}` : "the current task",
      isReturn: false,
    };
  const what = hook.kind === "tracepoint" && !hook.raw ? "field" : "argument";
  return {
    path: `${hook.path}.args[${position}]`,
    says: `${what} ${arg.index} of ${hook.target}`,
    isReturn: false,
  };
}

type ArgTypes = {
  readonly typeOf: (arg: number | "return") => ArgType;
  readonly types: readonly (ArgType | undefined)[];
};

function typeFilter(
  filter: CompiledFilter,
  { typeOf, types }: ArgTypes,
  { refusals, weaknesses }: { readonly refusals: Refusal[]; readonly weaknesses: string[] },
): TypedFilter | undefined {
  if (filter.on === "of-sets") {
    // Whoever puts a policy in force resolves them before. Without its values it would be another policy.
    refusals.push({ ...unknownSets(filter.sets), path: filter.path });
    return undefined;
  }
  if (filter.on !== "untyped" && filter.on !== "expression") return filter;
  const { path } = filter;
  const report = ({ message, hint, path: inFilter, severity }: Problem) => {
    const place = inFilter === "" ? path : `${path}.${inFilter}`;
    if (severity === "error")
      refusals.push({ code: "kernel-argument", message, hint, path: place });
    else if (severity === "warning") weaknesses.push(message);
  };
  const nowhere = { line: 0, column: 0 };
  const scope = createScope(
    "",
    {
      ...{ key: () => nowhere, value: () => nowhere, character: () => nowhere },
      plainText: () => undefined,
    },
    report,
  );
  if (filter.on === "expression") {
    const compiled = compileExpression(filter.text, types, scope);
    return compiled === "untyped" ? undefined : compiled?.filter;
  }
  const { arg, before, operator: name, values } = filter;
  const operator = argOperatorsByName.get(name);
  if (operator === undefined) throw new RangeError(`there is no operator ${name}`);
  const other = before === undefined ? undefined : { position: before, type: typeOf(before) };
  const test = compileTest({ ...operator, name, before: other }, typeOf(arg), values, scope);
  return test && { on: "arg", arg, test };
}
