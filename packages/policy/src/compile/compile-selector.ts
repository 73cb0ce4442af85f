// SPDX-License-Identifier: Apache-2.0
import type { ArgSelectorSpec, HookKind, SelectorSpec } from "@gander/crd-schemas";
import { actionsByName, hookKinds } from "@gander/crd-schemas";
import type { CompiledArg, CompiledFilter, CompiledSelector } from "../compiled-policy.ts";
import { isEnforcing } from "../kernel-check/hook-traits.ts";
import { limits } from "../limits.ts";
import type { LooseSelector } from "../loose.ts";
import type { Scope } from "../scope.ts";
import { compileActions } from "./compile-actions.ts";
import type { FilterContext } from "./compile-arg-filter.ts";
import { compileArgFilter, compileDataFilter, compileReturnFilter } from "./compile-arg-filter.ts";
import { compileCountFilter } from "./compile-count.ts";
import { compileExecArgFilter, compileExecEnvFilter } from "./compile-exec-filters.ts";
import { alternativesIn } from "./compile-expression.ts";
import {
  compileBinaryFilter,
  compileCapabilityChangeFilter,
  compileCapabilityFilter,
  compileNamespaceChangeFilter,
  compileNamespaceFilter,
  compileParentFilter,
  compilePidFilter,
} from "./compile-process-filters.ts";
import { compileProcessFilter } from "./compile-process-property.ts";
import { choosesPods, compileMatchWorkloads, type PolicyWorkloads } from "./compile-workloads.ts";
import { cutText } from "./cut-text.ts";
import { type PlacedFilter, warnOfContradictions } from "./never-together.ts";
import { refuseSets } from "./written-values.ts";

/** The properties of a hook that its selectors depend on. */
export type HookContext = FilterContext & {
  readonly kind: HookKind;
  readonly target: string;
  /** All functions that it hooks. */
  readonly targets: readonly string[];
  readonly syscall: boolean;
  /** The policy reads the hook's return. */
  readonly onReturn: boolean;
  /** If it doesn't, no other error says why. */
  readonly isReturnKnown: boolean;
  /** The policy has `enforcers`. */
  readonly hasEnforcers: boolean;
  readonly policyWorkloads: PolicyWorkloads;
  readonly returnArg: CompiledArg | undefined;
};

/** A selector with its macros expanded: each field with the scope where it was written. */
export type SelectorParts = {
  readonly scope: Scope;
  readonly fields: ReadonlyMap<
    keyof SelectorSpec,
    { readonly value: LooseSelector; readonly scope: Scope }
  >;
  /** A part of it was refused, so absent fields mean nothing. */
  readonly doubtful: boolean;
};

export function compileSelector(
  parts: SelectorParts,
  index: number,
  context: HookContext,
): CompiledSelector {
  const { scope } = parts;
  const onReturn = each(parts, "matchReturnArgs", context);
  const onEntry = filterFields
    .filter((field) => field !== "matchReturnArgs")
    .flatMap((field) => each(parts, field, context));
  warnOfContradictions([...onEntry, ...onReturn]);
  checkFileOfPods(onEntry);
  checkExpressions(onEntry);
  const returnFilters = onReturn.map(({ filter }) => filter);
  const filters = onEntry.map(({ filter }) => filter);
  if (filters.length > limits.filters) {
    scope.error(
      "policy-out-of-bounds",
      `The selector has ${filters.length} filters; ${limits.filters} are possible`,
      "Put the values of several filters into one.",
    );
  }
  const actions = actionsOf(parts, "matchActions", context);
  if (returnFilters.length > 0 && actions.some(isEnforcing)) checkCount(onEntry);
  return {
    index,
    label: labelOf(parts),
    filters,
    returnFilters,
    actions,
    returnActions: actionsOf(parts, "matchReturnActions", context),
  };
}

/** Each combination of alternatives is a list of rows in the programs' tables. */
function checkExpressions(filters: readonly PlacedFilter[]): void {
  const last = filters.findLast(({ filter }) => filter.on === "any");
  const count = filters.reduce((product, { filter }) => product * alternativesIn(filter), 1);
  if (last === undefined || count <= limits.alternatives) return;
  last.place
    .at("values")
    .error(
      "policy-out-of-bounds",
      `The expressions and ranges of the selector have ${count} combinations; ${limits.alternatives} are possible`,
      "Write some of the alternatives as selectors of their own, with the same actions.",
    );
}

/** A call is denied before it has a return value: what is counted would be all calls. */
function checkCount(filters: readonly PlacedFilter[]): void {
  const count = filters.find(({ filter }) => filter.on === "count");
  count?.place.onKey.error(
    "policy-rule",
    "matchCount cannot count by return values for matchActions that deny or kill: these decide before the function runs",
    "Write the actions as matchReturnActions, or remove matchReturnArgs.",
  );
}

/** Files are those of the host; at the same path, a pod has another one. */
function checkFileOfPods(filters: readonly PlacedFilter[]): void {
  const isOfFile = ({ filter }: PlacedFilter) => filter.on === "binary" && filter.match === "file";
  const ofPods = filters.find(({ filter }) => choosesPods(filter));
  if (ofPods === undefined || !filters.some(isOfFile)) return;
  ofPods.place.onKey.error(
    "policy-rule",
    "matchWorkloads cannot choose pods together with `identity: file`: files are looked up on the host, and those of a pod are others",
    "Remove `identity: file`, or choose processes of the host with `hostSelector: {}` alone.",
  );
}

type FilterField = Exclude<
  Extract<keyof SelectorSpec, `match${string}`>,
  "matchActions" | "matchReturnActions"
>;
/** One of a list of filters, or the only one. */
type Entry<F> = F extends readonly (infer E)[] ? E : F;
type Compile<E> = (spec: E, scope: Scope, context: HookContext) => CompiledFilter | undefined;

/** The filters of a selector: how an entry is compiled. */
const filterTable: {
  readonly [F in FilterField]: Compile<Entry<NonNullable<SelectorSpec[F]>>>;
} = {
  matchPIDs: compilePidFilter,
  matchBinaries: compileBinaryFilter,
  matchParentBinaries: compileParentFilter,
  matchNamespaces: compileNamespaceFilter,
  matchNamespaceChanges: compileNamespaceChangeFilter,
  matchCapabilities: compileCapabilityFilter,
  matchCapabilityChanges: compileCapabilityChangeFilter,
  matchArgs: compileArgFilter,
  matchReturnArgs: returnFilter,
  matchData: compileDataFilter,
  matchProcess: compileProcessFilter,
  matchWorkloads: (spec, scope, { policyWorkloads }) =>
    compileMatchWorkloads(spec, scope, policyWorkloads),
  matchExecArgs: compileExecArgFilter,
  matchExecEnv: compileExecEnvFilter,
  matchCount: compileCountFilter,
};

/** Filters whose values can be those of sets. */
const withSets: ReadonlySet<FilterField> = new Set([
  "matchArgs",
  "matchReturnArgs",
  "matchData",
  "matchBinaries",
  "matchParentBinaries",
  "matchExecArgs",
  "matchExecEnv",
]);

function valuesOf(spec: unknown): readonly unknown[] {
  const values: unknown =
    typeof spec === "object" && spec !== null ? Reflect.get(spec, "values") : undefined;
  return Array.isArray(values) ? values : [];
}

export const filterFields = Object.keys(filterTable) as readonly FilterField[];

function each(
  { fields }: SelectorParts,
  field: FilterField,
  context: HookContext,
): readonly PlacedFilter[] {
  const part = fields.get(field);
  const compile = filterTable[field] as Compile<unknown>;
  const specs: unknown = part?.value[field];
  if (part === undefined || specs === undefined) return [];
  const scope = part.scope.at(field);
  const entries = Array.isArray(specs)
    ? specs.map((spec: unknown, i) => [spec, scope.at(i)] as const)
    : [[specs, scope] as const];
  return entries.flatMap(([spec, place]) => {
    if (context.isGuard && !withSets.has(field) && refuseSets(valuesOf(spec), place)) return [];
    const filter = spec === undefined ? undefined : compile(spec, place, context);
    return filter === undefined ? [] : [{ filter, place }];
  });
}

function returnFilter(
  spec: ArgSelectorSpec,
  scope: Scope,
  context: HookContext,
): CompiledFilter | undefined {
  const { returnArg, lists, isGuard } = context;
  if (context.onReturn)
    return returnArg && compileReturnFilter(spec, scope, { returnArg, lists, isGuard });
  needsReturn(scope, "matchReturnArgs", context);
  return undefined;
}

const socketReturn =
  "For the socket that the function returns, write `returnArgAction:` with the action in the hook, beside `return: true` and `returnArg: {index: 0, type: sock}`, instead.";

function needsReturn(
  scope: Scope,
  field: string,
  { kind, isReturnKnown }: HookContext,
  instead = "Add `return: true` and `returnArg: { index: 0, type: int }` to the hook.",
): void {
  if (!isReturnKnown) return;
  const hint = hookKinds[kind].returns
    ? instead
    : "It is for kprobes only; an lsm hook has its kprobe `security_…`.";
  scope.error(
    "policy-rule",
    `${field} needs the return value, which this hook does not report`,
    hint,
  );
}

function labelOf({ fields }: SelectorParts): string {
  const part = fields.get("label");
  return part ? cutText(part.value.label ?? "", limits.labelBytes, part.scope.at("label")) : "";
}

function actionsOf(
  { fields }: SelectorParts,
  field: "matchActions" | "matchReturnActions",
  context: HookContext,
): CompiledSelector["actions"] {
  const part = fields.get(field);
  const specs = part?.value[field] ?? [];
  if (!part || specs.length === 0) return [];
  const scope = part.scope.at(field);
  if (field === "matchActions") return compileActions(specs, scope, { ...context, side: "entry" });
  const ofSocket = specs.some((one) => one && actionsByName.get(one.action)?.form === "socket");
  if (!context.onReturn) needsReturn(scope, field, context, ofSocket ? socketReturn : undefined);
  return compileActions(specs, scope, { ...context, side: "return" });
}
