// SPDX-License-Identifier: Apache-2.0
import {
  type ArgType,
  type CompiledFilter,
  type CompiledHook,
  type CompiledPolicy,
  enforces,
  hookKinds,
  onlyOnReturn,
  stops,
  type TypedFilter,
  type TypedHook,
  typeRow,
  typeSelectors,
  wantsReturn,
} from "@gander/policy";
import { action, type PlannedSelector, safeOutcome, selectorsFor } from "@gander/sensor/reference";
import { argumentValue, typeOfValue } from "./argument-value.ts";
import { allOf, belongs, type Decided, decideFilter, type KnownCall } from "./decide-filter.ts";
import { factNames } from "./never-recorded.ts";
import type { ReadCall } from "./recording-file.ts";
import type { RecordedValue } from "./recording-format.ts";

/** What becomes of a call; the later, the more is done. */
export const verdicts = ["allowed", "reported", "denied", "killed"] as const;
export type Verdict = (typeof verdicts)[number];

/** One: it is known. More: the recording lacks what filters ask for, which `lacking` names. */
export type Judgement = {
  readonly possible: readonly Verdict[];
  readonly lacking: readonly string[];
};

/** Where in the recording an argument of a hook entry is; undefined: it is not. */
export type Positions = readonly (number | undefined)[];

/** Decides calls by one hook entry of a policy, as it would if it enforced. */
export function createHookJudge(
  policy: CompiledPolicy,
  hook: CompiledHook,
  positions: Positions,
): (call: ReadCall) => Judgement {
  const known = new Map<string, readonly (readonly PlannedSelector[])[]>();
  /** Selectors depend on the types that the kernel chose; there are few combinations. */
  const rulesFor = (args: readonly (RecordedValue | undefined)[], returned: RecordedValue) => {
    const types = typesOf(hook, args, returned);
    const key = JSON.stringify(types);
    const found = known.get(key) ?? rulesOf(hook, types);
    known.set(key, found);
    return { rules: found, types };
  };
  const isBeforeSource = hook.kind === "kprobe" && hook.target === "tcp_connect" && stops(hook);
  return (call) => {
    const args = positions.map((at) => (at === undefined ? null : (call.args[at] ?? null)));
    const returned = call.returned ?? null;
    const { rules, types } = rulesFor(args, returned);
    const facts: KnownCall = {
      ...{ args: args.map(argumentValue), returned: argumentValue(returned) },
      ...{ process: call.facts, isBeforeSource },
    };
    const lacking = new Set<string>();
    const applies = appliesTo(policy, call);
    if (applies === "fails") return { possible: ["allowed"], lacking: [] };
    if (applies === "undecided") lacking.add(factNames.workloads);
    const isInUser = (arg?: number | "return") => readsUserMemory(hook, types, arg);
    const outcomes = rules.map((selectors) => outcomesOf(selectors, facts, { isInUser, lacking }));
    const possible = combine(outcomes, applies === "undecided" ? ["allowed"] : []);
    return { possible, lacking: possible.length > 1 ? [...lacking] : [] };
  };
}

function appliesTo({ workloads, namespace }: CompiledPolicy, { facts }: ReadCall): Decided {
  return workloads === undefined ? "holds" : belongs(workloads, facts, namespace);
}

/** The rules of an entry all run; what does the most is seen. */
function combine(
  outcomes: readonly ReadonlySet<Verdict>[],
  others: readonly Verdict[],
): readonly Verdict[] {
  let possible = new Set<Verdict>(["allowed"]);
  for (const outcome of outcomes)
    possible = new Set([...possible].flatMap((a) => [...outcome].map((b) => stronger(a, b))));
  for (const one of others) possible.add(one);
  return verdicts.filter((one) => possible.has(one));
}

export const stronger = (a: Verdict, b: Verdict): Verdict =>
  verdicts.indexOf(a) > verdicts.indexOf(b) ? a : b;

type Types = {
  readonly args: readonly (ArgType | undefined)[];
  readonly returned: ArgType | undefined;
};

function typesOf(
  { args, returnArg }: CompiledHook,
  values: readonly (RecordedValue | undefined)[],
  returned: RecordedValue,
): Types {
  const typed = (type: ArgType | "auto" | undefined, value: RecordedValue | undefined) =>
    type === "auto" ? typeOfValue(value) : type;
  return {
    args: args.map(({ type }, i) => typed(type, values[i])),
    returned: typed(returnArg?.type, returned),
  };
}

/** Stands for a filter whose meaning is not known: no recording has marks. */
const undecidable: TypedFilter = { on: "marked", error: 0, signal: 0 };

/** As `placeHook` decides it: what the entry's selectors do where it is attached, for each of its programs. */
function rulesOf(hook: CompiledHook, types: Types): readonly (readonly PlannedSelector[])[] {
  const filtersOf = (filters: readonly CompiledFilter[]) =>
    filters.map((filter) => typedFilter(filter, hook, types));
  const typed = {
    ...hook,
    args: hook.args.map((arg, i) => ({ ...arg, type: types.args[i] ?? "nop" })),
    selectors: hook.selectors.map((selector) => ({
      ...selector,
      filters: filtersOf(selector.filters),
      returnFilters: filtersOf(selector.returnFilters),
    })),
  } as TypedHook;
  if (decidesCalls(hook)) return [selectorsFor(typed, "decide")];
  const isEarly = wantsReturn(hook) && enforces(hook) && !onlyOnReturn(hook);
  const early = isEarly ? [selectorsFor(typed, "signal-silently")] : [];
  return [...early, selectorsFor(typed, "signal")];
}

/** Its program decides the call, rather than to watch it. */
function decidesCalls(hook: CompiledHook): boolean {
  if (hook.kind === "lsm") return true;
  if (hook.kind !== "kprobe" || hook.syscall || !stops(hook)) return false;
  return hook.target.startsWith("security_") && !onlyOnReturn(hook);
}

function typedFilter(filter: CompiledFilter, hook: CompiledHook, types: Types): TypedFilter {
  if (filter.on !== "untyped" && filter.on !== "expression" && filter.on !== "of-sets")
    return filter;
  const [selector] = hook.selectors;
  if (selector === undefined) return undecidable;
  const alone = { ...selector, filters: [filter], returnFilters: [] };
  const { selectors, refusals } = typeSelectors({ ...hook, selectors: [alone] }, types);
  const found = selectors[0]?.filters[0];
  return refusals.length > 0 || found === undefined ? undecidable : found;
}

function readsUserMemory(
  { syscall, kind }: CompiledHook,
  types: Types,
  arg: number | "return" | undefined,
): boolean {
  const type = arg === undefined ? undefined : arg === "return" ? types.returned : types.args[arg];
  if (type === undefined) return false;
  const { read, readUser } = typeRow(type);
  const how = (syscall || hookKinds[kind].ofProgram ? readUser : undefined) ?? read;
  return how.startsWith("USER_") || how === "IOV_ITER";
}

type Context = {
  readonly isInUser: (arg?: number | "return") => boolean;
  readonly lacking: Set<string>;
};

/** The first selector that matches decides; where that is not known, each that may. */
function outcomesOf(
  selectors: readonly PlannedSelector[],
  call: KnownCall,
  { isInUser, lacking }: Context,
): ReadonlySet<Verdict> {
  const outcomes = new Set<Verdict>();
  const decide = (filters: readonly TypedFilter[], index: number): Decided =>
    allOf(
      filters.map((filter) => {
        const safe = safeOutcome(selectors, index) === "holds";
        const result = decideFilter(filter, call, (arg) => safe && !isInUser(arg));
        if (result === "undecided") lacking.add(describe(filter));
        return result;
      }),
    );
  for (const [index, selector] of selectors.entries()) {
    const chosen = decide(selector.filters, index);
    if (chosen === "fails") continue;
    const seen = decide(selector.returnFilters, index);
    if (seen !== "fails") for (const one of effectsOf(selector, lacking)) outcomes.add(one);
    if (seen !== "holds") outcomes.add("allowed");
    if (chosen === "holds") return outcomes;
  }
  return outcomes.add("allowed");
}

const killing = 9;

/** More than one: it depends on another hook, or on the process. */
function effectsOf({ verdict }: PlannedSelector, lacking: Set<string>): readonly Verdict[] {
  const does = (bit: number) => (verdict.actions & bit) !== 0;
  const posted = does(action.ACTION_POST) ? "reported" : "allowed";
  if (does(action.ACTION_KILL)) return ["killed"];
  if (does(action.ACTION_SIGNAL) && verdict.signal === killing) return ["killed"];
  if (does(action.ACTION_MARK_CALL | action.ACTION_UNMARK_CALL | action.ACTION_SET)) {
    lacking.add(factNames.marked);
    return [posted, "denied", "killed"];
  }
  return [does(action.ACTION_DENY) ? "denied" : posted];
}

/** For people: what a filter asks for. */
function describe(filter: TypedFilter): string {
  if (filter === undecidable) return "the type of a value, or the values of a set";
  return filter.on === "any" || filter.on === "arg" ? "a value of the call" : factNames[filter.on];
}
