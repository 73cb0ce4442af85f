// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { argOperatorsByName } from "@gander/crd-schemas";
import { addTexts } from "../compile/compile-exec-filters.ts";
import { addPaths } from "../compile/compile-process-filters.ts";
import { compileTest } from "../compile/compile-test.ts";
import { checkValueCount } from "../compile/compile-values.ts";
import type {
  CompiledFilter,
  CompiledHook,
  CompiledPolicy,
  CompiledSelector,
  FilterOfSets,
} from "../compiled-policy.ts";
import { encodePolicy } from "../content/encode-policy.ts";
import { limits } from "../limits.ts";
import { createScope, type Report } from "../scope.ts";
import type { ValueSet } from "./check-value-set.ts";
import { isClusterSet } from "./set-reference.ts";

/** Why the values of a set can't be those of a filter, or a remark. */
export type SetProblem = Pick<Problem, "code" | "message" | "hint" | "severity"> & {
  readonly set: string;
  /** Of the value in the set; undefined: it is about the set. */
  readonly position?: number;
  /** Of the filter, in the spec. */
  readonly path: string;
};

/** Undefined: there is no such set, or its content is not known. */
export type FindSet = (name: string) => Pick<ValueSet, "values"> | undefined;

export type ResolvedSets =
  | { readonly value: CompiledPolicy; readonly remarks: readonly SetProblem[] }
  | { readonly value?: never; readonly problems: readonly SetProblem[] };

/** The names of the sets that filters of these hooks use, sorted. */
export function setsOfHooks(hooks: readonly CompiledHook[]): readonly string[] {
  const names = new Set<string>();
  for (const filter of hooks.flatMap(filtersOf))
    if (filter.on === "of-sets") for (const name of filter.sets) names.add(name);
  return [...names].sort();
}

export const filtersOf = ({ selectors }: CompiledHook): readonly CompiledFilter[] =>
  selectors.flatMap(({ filters, returnFilters }) => [...filters, ...returnFilters]);

/**
 * The policy with the values of its sets in their place; its digest is that of the result, so it changes with them.
 * The same policy if it has none. Pure; one wrong value refuses all.
 */
export function resolveSets(policy: CompiledPolicy, find: FindSet): ResolvedSets {
  if (setsOfHooks(policy.hooks).length === 0) return { value: policy, remarks: [] };
  const excess = tooManyValues(policy, find);
  if (excess !== undefined) return { problems: [excess] };
  const found: SetProblem[] = [];
  const finding = { find, found, isOfNamespace: policy.namespace !== "" };
  const resolve = (hook: CompiledHook) => (filters: CompiledSelector["filters"]) =>
    filters.map((filter) =>
      filter.on === "of-sets" ? (resolveFilter(filter, hook, finding) ?? filter) : filter,
    );
  const hooks = policy.hooks.map((hook) => ({
    ...hook,
    selectors: hook.selectors.map((selector) => ({
      ...selector,
      filters: resolve(hook)(selector.filters),
      returnFilters: resolve(hook)(selector.returnFilters),
    })),
  }));
  const problems = found.filter(({ severity }) => severity === "error");
  if (problems.length > 0) return { problems };
  const { name, namespace, digest: _, ...content } = policy;
  const whole = { ...content, hooks };
  const { digest } = encodePolicy(whole);
  return { value: { name, namespace, digest, ...whole }, remarks: found };
}

/** Before they are put together: a small policy may name a large set in each of its filters. */
function tooManyValues(policy: CompiledPolicy, find: FindSet): SetProblem | undefined {
  let values = 0;
  for (const filter of policy.hooks.flatMap(filtersOf))
    for (const set of filter.on === "of-sets" ? filter.sets : []) {
      values += find(set)?.values.length ?? 0;
      if (values > limits.valuesOfSets)
        return {
          ...{ set, path: filter.on === "of-sets" ? filter.path : "" },
          code: "policy-out-of-bounds",
          message: `With this set, the sets in all filters of the policy have more than ${limits.valuesOfSets} values`,
          hint: "Name it in fewer filters, or split the policy.",
          severity: "error",
        };
    }
  return undefined;
}

type Finding = {
  readonly find: FindSet;
  readonly found: SetProblem[];
  /** Who may write policies in a namespace need not know what is in the sets of the cluster: no value is quoted. */
  readonly isOfNamespace: boolean;
};

/** Of the wrong values of one set in one filter: what follows says little more. */
const shownValues = 3;

function resolveFilter(
  { filter, sets, path }: FilterOfSets,
  hook: CompiledHook,
  { find, found, isOfNamespace }: Finding,
): CompiledFilter | undefined {
  const values: string[] = [];
  /** Of each set: the position of its first value. */
  const starts: { readonly set: string; readonly first: number }[] = [];
  for (const set of sets) {
    const known = find(set);
    if (known === undefined) found.push({ ...unknown(set), path });
    starts.push({ set, first: values.length });
    for (const value of known?.values ?? []) values.push(value);
  }
  if (found.some((one) => one.path === path && one.code === "policy-unknown-set")) return undefined;
  const own = ownValues(filter);
  const shown = new Map<string, number>();
  const report = (problem: Problem) => {
    const position = Number(/^values\[(\d+)\]/.exec(problem.path)?.[1] ?? "NaN") - own;
    const at = starts.findLast(({ first }) => first <= position);
    const { set } = at ?? starts[0] ?? { set: "" };
    const { code, severity, message, hint } = problem;
    const count = (shown.get(`${set} ${severity}`) ?? 0) + 1;
    shown.set(`${set} ${severity}`, count);
    // Own values were checked when the policy was.
    if (position < 0 || count > shownValues) return;
    const value = { set, path, code, severity, hint, message };
    const place = at === undefined ? {} : { position: position - at.first };
    const isNumber = at === undefined && code === "policy-out-of-bounds";
    if (!isOfNamespace || isNumber) found.push({ ...value, ...place });
    else if (severity === "error") found.push({ ...value, ...notSuitable, ...place });
  };
  const resolved = withValues(filter, values, hook, report);
  if (resolved === undefined && !found.some((one) => one.path === path && one.severity === "error"))
    throw new RangeError(`the values of ${sets.join()} are refused for no reason`);
  return resolved;
}

const notSuitable = {
  message: "This filter cannot compare with it",
  hint: "Ask those who keep the set, or write the values here.",
};

function ownValues(filter: FilterOfSets["filter"]): number {
  if ("values" in filter) return filter.values.length;
  if ("paths" in filter) return filter.paths.length;
  return "values" in filter.test ? filter.test.values.length : 0;
}

function withValues(
  filter: FilterOfSets["filter"],
  further: readonly string[],
  hook: CompiledHook,
  report: Report,
): CompiledFilter | undefined {
  const scope = createScope("", nowhere, report);
  if ("paths" in filter) {
    const paths = addPaths(filter, further, scope);
    return paths && { ...filter, paths };
  }
  if (filter.on === "untyped") return ofArgument(filter, further, hook, scope);
  if (filter.test.op === "exists") return filter;
  const test = addTexts(filter.test, further, scope);
  return test && { ...filter, test };
}

function ofArgument(
  filter: Extract<CompiledFilter, { on: "untyped" }>,
  further: readonly string[],
  { args, returnArg }: CompiledHook,
  scope: ReturnType<typeof createScope>,
): CompiledFilter | undefined {
  const typeOf = (arg: number | "return") =>
    (arg === "return" ? returnArg : args[arg])?.type ?? "nop";
  const { arg, before, operator: name } = filter;
  const operator = argOperatorsByName.get(name);
  if (operator === undefined) throw new RangeError(`there is no operator ${name}`);
  const values = [...filter.values, ...further];
  const [type, typeBefore] = [typeOf(arg), before === undefined ? undefined : typeOf(before)];
  if (type === "auto" || typeBefore === "auto")
    return checkValueCount(operator.kind, values, scope.at("values"))
      ? { ...filter, values }
      : undefined;
  const other =
    before === undefined || typeBefore === undefined
      ? undefined
      : { position: before, type: typeBefore };
  const test = compileTest({ ...operator, name, before: other }, type, values, scope);
  return test && { on: "arg", arg, test };
}

const place = { line: 0, column: 0 };
const nowhere = {
  ...{ value: () => place, key: () => place, character: () => place },
  plainText: () => undefined,
};

const unknown = (set: string) =>
  ({
    set,
    code: "policy-unknown-set",
    ...(isClusterSet(set)
      ? {
          message: `The set "${set}" is known in a cluster only, where the operator fills it`,
          hint: "Write the values here, or in a ValueSet.",
        }
      : {
          message: `There is no ValueSet "${set}"`,
          hint: "Write one of that name in the same file or directory, or correct the name.",
        }),
    severity: "error",
  }) as const;
