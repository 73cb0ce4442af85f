// SPDX-License-Identifier: Apache-2.0
import type { ArgSelectorSpec, HookKind, OperatorRow } from "@gander/crd-schemas";
import { argOperatorsByName, expressionOperator, hookKinds, typeRow } from "@gander/crd-schemas";
import type { CompiledArg, CompiledFilter } from "../compiled-policy.ts";
import { syscallNumber } from "../language/syscall-numbers.ts";
import { quote } from "../language/values.ts";
import { pathText, type Scope } from "../scope.ts";
import type { Args } from "./compile-args.ts";
import { compileExpressionFilter } from "./compile-expression.ts";
import { checkOperator, compileTest } from "./compile-test.ts";
import { checkValueCount } from "./compile-values.ts";
import type { FunctionLists } from "./function-lists.ts";
import { readWritten, refuseSetsOfKind } from "./written-values.ts";

/** Values that filters can refer to: as compiled, and the `index` that each has in the spec. */
type Listed = { readonly args: Args; readonly declared: readonly (number | undefined)[] };

/** The parts of a hook that its filters can refer to. */
export type FilterContext = Listed & {
  readonly kind: HookKind;
  readonly data: Listed;
  readonly lists: FunctionLists;
  /** Filters can name sets. */
  readonly isGuard: boolean;
};

/** A list of values, by its name in the spec. */
type ValueList = Listed & {
  readonly name: "args" | "data";
  /** An `index` that none of them has may be a position in the list. */
  readonly byPosition: boolean;
};

export function compileArgFilter(
  spec: ArgSelectorSpec,
  scope: Scope,
  context: FilterContext,
): CompiledFilter | undefined {
  if (spec.operator === expressionOperator) return compileExpressionFilter(spec, scope, context);
  const operator = operatorOf(spec, scope);
  if (operator === undefined) return undefined;
  const { lists, data, args, declared, isGuard } = context;
  const fields = hookKinds[context.kind].fields;
  // Positions of two sets go on behind the arguments, because one may be that of the current task.
  if (operator.kind === "gained") {
    const all = { args: [...args, ...data.args], declared: [...declared, ...data.declared] };
    return gainedFilter({ spec, operator, lists, fields, isGuard }, scope, { ...all, first: 0 });
  }
  const position = findArg(spec, scope, { args, declared, name: "args", byPosition: fields });
  const arg = position === undefined ? undefined : args[position];
  if (position === undefined || !arg) return undefined;
  return filterOn({ position }, { spec, operator, lists, fields, isGuard }, arg, scope);
}

/** Data is behind the arguments in the compiled list. */
export function compileDataFilter(
  spec: ArgSelectorSpec,
  scope: Scope,
  { kind, args, data, lists, isGuard }: FilterContext,
): CompiledFilter | undefined {
  if (!hookKinds[kind].data) {
    // If the hook has data, that has an error of its own.
    if (data.declared.length === 0)
      scope.error(
        "policy-rule",
        "matchData is for kprobes and uprobes only, which can have data",
        ofKprobes,
      );
    return undefined;
  }
  const operator = operatorOf(spec, scope);
  if (operator === undefined) return undefined;
  const written = { spec, operator, lists, fields: false, isGuard };
  if (operator.kind === "gained")
    return gainedFilter(written, scope, { ...data, first: args.length });
  const position = findArg(spec, scope, { ...data, name: "data", byPosition: true });
  const arg = position === undefined ? undefined : data.args[position];
  if (position === undefined || !arg) return undefined;
  return filterOn({ position: args.length + position }, written, arg, scope);
}

const ofKprobes =
  "Hook a function of the kernel below kprobes (`security_…` for an lsm hook), and add `data:` to it.";

type WrittenFilter = {
  readonly spec: ArgSelectorSpec;
  readonly operator: OperatorRow;
  readonly lists: FunctionLists;
  /** The argument is a field of a record. */
  readonly fields: boolean;
  readonly isGuard: boolean;
};

/** What a filter compares, by its position in the compiled list. */
type Compared = {
  readonly position: number | "return";
  /** CapabilitiesGained: with this. */
  readonly before?: { readonly position: number; readonly type: CompiledArg["type"] };
};

function filterOn(
  { position, before }: Compared,
  { spec, operator, lists, fields, isGuard }: WrittenFilter,
  arg: CompiledArg,
  filterScope: Scope,
): CompiledFilter | undefined {
  const written = readWritten(spec.values ?? [], filterScope, { isGuard });
  const { values: given, sets, scope } = written;
  if (written.isBroken) return undefined;
  if (!isGuard && isNoText(operator, arg.type) && refuseSetsOfKind(given, scope)) return undefined;
  const read = withNumbers(given, { operator, lists, fields }, arg, scope.at("values"));
  const isWhole = !read.includes(undefined);
  if (!isWhole && read.every((value) => value === undefined)) return undefined;
  // In the place of a wrong value is a harmless one, so that the others are checked as well.
  const values = read.map((value = "0") => value);
  const path = pathText(filterScope.path);
  const untyped = {
    on: "untyped" as const,
    ...{ arg: position, operator: spec.operator, values, path },
    ...(before && { before: before.position }),
  };
  const isAuto = arg.type === "auto" || before?.type === "auto";
  const isCounted = checkValueCount(operator.kind, [...values, ...sets], scope.at("values"));
  if (!isCounted && (isAuto || sets.length > 0)) return undefined;
  const whole =
    sets.length === 0 ? untyped : ({ on: "of-sets", sets, filter: untyped, path } as const);
  if (arg.type === "auto" || before?.type === "auto") return isWhole ? whole : undefined;
  if (!isCounted) return undefined;
  const other = before && { position: before.position, type: before.type };
  const named = { ...operator, name: spec.operator, before: other };
  // Own values are checked without those of sets, which are known later.
  if (sets.length > 0 && values.length === 0)
    return checkOperator(named, arg.type, scope) ? whole : undefined;
  const test = compileTest(named, arg.type, values, scope);
  if (test === undefined || !isWhole) return undefined;
  return sets.length > 0 ? whole : { on: "arg", arg: position, test };
}

/** Whether no value of the argument can begin with `set:`: a number, an address, the beginning of a path. */
function isNoText({ kind }: OperatorRow, type: CompiledArg["type"]): boolean {
  if (type === "auto") return false;
  const { family } = typeRow(type);
  if (family === "path") return kind === "equal" || kind === "prefix";
  return family !== "text" && family !== "bytes";
}

/** With the numbers of system calls in place of `list:NAME`, and undefined in that of a wrong value. */
function withNumbers(
  values: readonly string[],
  { operator, lists, fields }: Omit<WrittenFilter, "spec" | "isGuard">,
  { type, resolve }: CompiledArg,
  scope: Scope,
): readonly (string | undefined)[] {
  const isNumber = type !== "auto" && typeRow(type).family === "integer";
  if (operator.kind !== "in-map" && !isNumber) return values;
  // Positions of what is wrong are those of the policy: so a list's further numbers come last.
  const further: string[] = [];
  const tables = type === "syscall64" ? "both" : "one";
  const read = values.map((value, i) => {
    const place = scope.at(i);
    const wrong = notANumber(value, operator, lists);
    if (wrong !== undefined) {
      place.error("policy-bad-value", ...wrong);
      return undefined;
    }
    if (!isList(value)) return value;
    const numbers = lists.numbers(value.slice("list:".length), place, tables);
    if (tables === "one" && numbers !== undefined)
      place.warning(
        "policy-bad-value",
        `An argument of type ${type} does not tell the calls of 32-bit programs, which have other numbers, from those of the list`,
        fields && resolve === undefined
          ? "Write `type: syscall64` for the argument."
          : "Compare the number at the tracepoint raw_syscalls/sys_enter, with an argument of type syscall64.",
      );
    const [first, ...rest] = numbers ?? [];
    further.push(...rest.map(String));
    return first === undefined ? undefined : `${first}`;
  });
  return [...read, ...further];
}

const isList = (value: string) => value.startsWith("list:");

/** Names of calls where numbers stand, or of lists where none can. */
function notANumber(
  value: string,
  { kind, negate }: OperatorRow,
  lists: FunctionLists,
): [message: string, hint: string] | undefined {
  const inMap = negate ? "NotInMap" : "InMap";
  const isInMap = kind === "in-map";
  if (isList(value) && !isInMap)
    return ["Only InMap and NotInMap compare with a list", `Use ${inMap}.`];
  if (lists.has(value))
    return [
      `${quote(value)} is not a number`,
      `Write "list:${value}" for the numbers of the list${isInMap ? "" : `, with ${inMap}`}.`,
    ];
  const [, abi = "x64", name = ""] = /^(?:(x64|i386)\/)?(?:__x64_)?sys_(\w+)$/.exec(value) ?? [];
  const number = name === "" ? undefined : syscallNumber(name, abi === "i386" ? abi : "x64");
  return number === undefined
    ? undefined
    : [
        `${quote(value)} is not a number`,
        `Write ${abi === "i386" ? `${2 ** 31 + number} for an argument of type syscall64` : number}, or \`list:NAME\` of a list of type syscalls that has it, with ${inMap}.`,
      ];
}

export function compileReturnFilter(
  spec: ArgSelectorSpec,
  scope: Scope,
  {
    returnArg,
    lists,
    isGuard,
  }: Pick<FilterContext, "lists" | "isGuard"> & { readonly returnArg: CompiledArg },
): CompiledFilter | undefined {
  const operator = operatorOf(spec, scope);
  if (operator === undefined) return undefined;
  const index = spec.args?.[0] ?? spec.index ?? 0;
  if (index !== 0 || (spec.args?.length ?? 1) !== 1) {
    scope
      .at(spec.args ? "args" : "index")
      .error("policy-index", "A filter on the return value has index 0", "Write `index: 0`.");
    return undefined;
  }
  if (operator.kind === "gained") {
    scope
      .at("operator")
      .error(
        "policy-operator-type",
        `${spec.operator} compares two arguments of the call, and a return value is none`,
        "Write the filter in matchArgs.",
      );
    return undefined;
  }
  return filterOn(
    { position: "return" },
    { spec, operator, lists, fields: false, isGuard },
    returnArg,
    scope,
  );
}

function operatorOf({ operator }: ArgSelectorSpec, scope: Scope): OperatorRow | undefined {
  const row = argOperatorsByName.get(operator);
  if (row) return row;
  if (operator === expressionOperator)
    scope
      .at("operator")
      .error(
        "policy-rule",
        `${operator} is possible in matchArgs only`,
        "Write the comparison with Equal, GT, LT, Mask or InRange.",
      );
  return undefined;
}

/** Values in one list; the first of them is `first` in the compiled list. */
type Sets = Listed & { readonly first: number };

/** A filter on two sets of capabilities: the one before, and the one after. */
function gainedFilter(
  written: WrittenFilter,
  scope: Scope,
  { args, declared, first }: Sets,
): CompiledFilter | undefined {
  const { spec } = written;
  const [before = 0, after = 0, ...more] = spec.args ?? [];
  const hint = "Write `args: [0, 1]`: the set before and the set after, by their positions there.";
  if (spec.args?.length !== 2 || more.length > 0 || before === after) {
    const field = spec.args === undefined && spec.index !== undefined ? "index" : "args";
    scope
      .at(field)
      .error(
        "policy-index",
        `${spec.operator} compares two different entries of the hook's list of arguments`,
        hint,
      );
    return undefined;
  }
  const beyond = [before, after].find((position) => position >= args.length);
  if (beyond !== undefined) {
    if (!declared.includes(undefined))
      scope
        .at("args")
        .error(
          "policy-index",
          `args names position ${beyond}, but the hook reads ${args.length} ${args.length === 1 ? "value" : "values"}`,
          "Positions count from 0 in the hook's own list `args`, and go on in `data`.",
        );
    return undefined;
  }
  const [old, arg] = [args[before], args[after]];
  if (!old || !arg) return undefined;
  const compared = {
    position: first + after,
    before: { position: first + before, type: old.type },
  };
  return filterOn(compared, written, arg, scope);
}

/** Position, in the hook's list, of the argument that a filter refers to. */
function findArg(spec: ArgSelectorSpec, scope: Scope, list: ValueList): number | undefined {
  if (spec.args !== undefined) return byPosition(spec.args, scope.at("args"), list);
  if (spec.index === undefined) {
    scope.warning(
      "policy-missing-field",
      "The filter has neither index nor args; it is taken for index 0",
      "Write `index: 0`.",
    );
  }
  const index = spec.index ?? 0;
  const position = list.declared.indexOf(index);
  if (position >= 0) return position;
  // A tracepoint's filter may use the index in the policy's list if its number is no field of that list.
  if (list.byPosition && index < list.args.length) return index;
  // One of the arguments could not be read, so the filter may refer to it.
  if (list.declared.includes(undefined)) return undefined;
  const what = list.name === "args" ? `argument ${index}` : `data ${index}`;
  scope
    .at("index")
    .error(
      "policy-index",
      `The filter is on ${what}, which the hook does not read`,
      declaredHint(index, list),
    );
  return undefined;
}

function declaredHint(index: number, { declared, name }: ValueList): string {
  const known = declared.filter((i) => i !== undefined);
  if (known.length === 0) return `Add \`${name}:\` with an entry \`index: ${index}\` and its type.`;
  return `Declared under ${name}: ${known.join(", ")}. Use one of them, or declare \`index: ${index}\` with its type there.`;
}

function byPosition(args: readonly number[], scope: Scope, list: ValueList): number | undefined {
  const [position, ...more] = args;
  if (position === undefined || more.length > 0) {
    scope.error(
      "policy-index",
      `args names ${args.length} arguments, but the operator compares one`,
      "Write one position, e.g. `args: [0]`.",
    );
    return undefined;
  }
  if (position >= list.args.length && !list.declared.includes(undefined)) {
    const what = list.name === "args" ? "arguments" : "data";
    scope.error(
      "policy-index",
      `args names position ${position}, but the hook reads ${list.args.length} ${what}`,
      `Positions count from 0 in the hook's own list \`${list.name}\`.`,
    );
    return undefined;
  }
  return position;
}
