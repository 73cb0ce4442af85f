// SPDX-License-Identifier: Apache-2.0
import { type NamespaceName, limits as policyLimits, type ValueRoute } from "@gander/policy";
import {
  action,
  hookTableFlags,
  limits,
  recordLimits,
  rowFlags,
  rowOp,
  ruleFlags,
  valueType,
} from "./abi.gen.ts";
import { type PlainFilter, plainLists } from "./alternatives.ts";
import {
  applicationsOf,
  belonging,
  type GroupsInput,
  type Member,
  type PlacedHook,
} from "./applications.ts";
import { type BitSet, bitSetText } from "./bit-set.ts";
import { withPolicy } from "./call-marks.ts";
import { conditionOf, conditionsOf, tallyRow } from "./counted-calls.ts";
import { ExecTests } from "./exec-tests.ts";
import {
  type FilterContext,
  filterCost,
  filterRows,
  type OpenRow,
  type ValuePlace,
} from "./filter-rows.ts";
import type { FollowBits } from "./follow-bits.ts";
import { LinkLimitError } from "./link-limit-error.ts";
import type {
  LinkedAssignment,
  LinkedHook,
  LinkedRow,
  LinkedRule,
  LinkedSlot,
  LinkedTables,
  LinkedVerdict,
  Remembered,
  RuleIndex,
} from "./linked-tables.ts";
import { seesOpenFile } from "./open-files.ts";
import {
  type ArgReading,
  enforces,
  type InstalledRule,
  type LinkablePolicy,
  type PlannedSelector,
} from "./planned-rule.ts";
import { questionRows, questionsOf } from "./questions.ts";
import { type BitSets, buildRuleIndex, type IndexRoom, type PlacedRule } from "./rule-index.ts";
import type { SetInterner } from "./set-interner.ts";
import { routeIndex, slotIndex } from "./slot-numbers.ts";
import { outcomeOfUnknown, type SafeOutcome, safeOutcome } from "./unknown-facts.ts";
import { NumberedWorkloads } from "./workloads.ts";

export type LinkInput = GroupsInput & {
  /** All policies in force, in the order of their events. */
  readonly policies: readonly LinkablePolicy[];
  readonly sets: SetInterner;
  readonly follow: FollowBits;
  readonly fileIdentity: FilterContext["fileIdentity"];
  /** Inode number of the host's namespace. */
  readonly hostNamespace: (name: NamespaceName) => bigint;
};

/**
 * Links all policies of a node into one side of the tables. Pure except for `sets` and `follow`, which it
 * adds to: the same input gives the same tables.
 * @throws LinkLimitError if the tables are too small for these policies.
 */
export function link(input: LinkInput): LinkedTables {
  const asking = linkHooks(input, "with questions");
  const { tables, numbered, placed } =
    asking.tables.rows.length > limits.MAX_ROWS ? linkHooks(input, "without questions") : asking;
  const { applications, groups } = applicationsOf(placed, input);
  const conditions = conditionsOf(tables.rows);
  checkLimits(tables, {
    ...{ applications: applications.length, groups: groups.length, workloads: numbered.size },
    conditions: conditions.size,
  });
  return {
    ...tables,
    applications,
    groups,
    workloads: input.groups.map((_, group) =>
      numbered.of((workloads) => belonging(input, group, workloads)),
    ),
    sets: setsOf(tables.rows),
    followed: followedBits(tables.rows),
    remembered: rememberedBy(tables),
    conditions,
  };
}

/** Without questions, there are fewer rows; more of them are evaluated. */
function linkHooks(input: LinkInput, how: "with questions" | "without questions") {
  const tables = emptyTables();
  const numbered = new NumberedWorkloads();
  const placed = rulesByHook(input.policies).map(([hook, members]): PlacedHook => {
    const firstRule = tables.rules.length;
    const execTests = addHook(tables, hook, members, {
      ...input,
      asks: how === "with questions",
      workloadsNumber: (workloads) => numbered.numberOf(workloads),
    });
    return { hook, firstRule, members, execTests };
  });
  return { tables, numbered, placed };
}

type OpenTables = {
  readonly hooks: LinkedHook[];
  readonly rules: LinkedRule[];
  readonly rows: (LinkedRow | undefined)[];
  readonly verdicts: (LinkedVerdict | undefined)[];
  readonly bitSets: (BitSet | undefined)[];
  /** Their positions, by their texts. */
  readonly bitSetIds: Map<string, number>;
  readonly routes: (ValueRoute | undefined)[];
  readonly assignments: (LinkedAssignment | undefined)[];
  /** Where lists of them begin, by their text. */
  readonly assignmentIds: Map<string, number>;
};

function emptyTables(): OpenTables {
  return {
    hooks: [],
    rules: [],
    rows: [undefined],
    verdicts: [undefined],
    bitSets: [undefined],
    bitSetIds: new Map(),
    routes: [undefined],
    assignments: [undefined],
    assignmentIds: new Map(),
  };
}

/** By hook in ascending order; the rules of one hook in the order of the policies. */
function rulesByHook(policies: readonly LinkablePolicy[]): [number, Member[]][] {
  const byHook = new Map<number, Member[]>();
  for (const [position, policy] of policies.entries()) {
    for (const rule of policy.rules) {
      const members = byHook.get(rule.hookId) ?? [];
      members.push({ position, policy, rule });
      byHook.set(rule.hookId, members);
    }
  }
  return [...byHook].sort(([a], [b]) => a - b);
}

/** @returns by member, the tests of new programs' texts that its rows ask. */
function addHook(
  tables: OpenTables,
  hook: number,
  members: readonly Member[],
  input: LinkInput & Pick<FilterContext, "workloadsNumber"> & { readonly asks: boolean },
): readonly (readonly number[])[] {
  if (members.length > limits.HOOK_RULES) {
    throw new LinkLimitError(
      `more than ${limits.HOOK_RULES} hook entries of policies meet at one function`,
    );
  }
  const slots: LinkedSlot[] = [];
  const placed: PlacedRule[] = [];
  const execTests = new ExecTests();
  const firstRule = tables.rules.length;
  for (const { rule, policy } of members) {
    const { planned } = rule;
    const { returnValue } = planned;
    const args = planned.args.map(({ slot }) => slotIndex(slots, slot));
    const returnSlot =
      returnValue === undefined ? limits.NO_SLOT : slotIndex(slots, returnValue.slot);
    if (args.length > recordLimits.RULE_ARGS)
      throw new LinkLimitError(`a hook entry has more than ${recordLimits.RULE_ARGS} arguments`);
    const place = (arg: number | "return"): ValuePlace =>
      arg === "return" ? placeOf(returnValue, returnSlot) : placeOf(planned.args[arg], args[arg]);
    placed.push({ planned, place });
    const slotOf = (arg: number | "return" | undefined) =>
      (arg === "return" ? returnSlot : args[arg ?? -1]) ?? limits.NO_SLOT;
    const firstRow = addSelectors(tables, rule, {
      ...input,
      ...{ place, slotOf, execTests, policyId: policy.id },
      condition: conditionOf(rule, policy.rules),
    });
    tables.rules.push({
      id: rule.id,
      firstRow,
      flags: planned.flags | (policy.mode === "monitor" ? ruleFlags.RULE_MONITOR : 0),
      policy: policy.budget,
      fuse: enforces(planned) ? (policy.fuse ?? 0) : 0,
      args,
      returnSlot,
      socketSlot: slotOf(planned.args.findIndex(({ slot }) => socketTypes.has(slot.type))),
    });
  }
  const firstBound = tables.hooks.reduce((sum, { index }) => sum + boundsIn(index), 0);
  const index = addIndex(tables, placed, { ...input, firstBound });
  const flags =
    (remembersPaths(members, slots, index) ? hookTableFlags.HOOK_CACHE_PATHS : 0) |
    (wantsListedNumbers(tables, index) ? hookTableFlags.HOOK_LISTED_NUMBERS : 0) |
    (index?.binaries.size || index?.binaryEndings.size ? hookTableFlags.HOOK_INDEX_BINARIES : 0);
  const routes = slots.map(({ route }) => routeIndex(tables.routes, route));
  const tests = tables.rules.slice(firstRule).map(({ firstRow }, i, rules) => {
    const own = tables.rows.slice(firstRow, rules[i + 1]?.firstRow);
    return own.flatMap((row) => row?.test ?? []);
  });
  const execRows = tables.rows.length;
  tables.rows.push(...execTests.rows.map((row) => ({ ...row, fail: 0, verdict: 0 })));
  const questions = input.asks ? questionsOf(placed, { ...input, bitSets: bitSetsOf(tables) }) : [];
  const firstQuestion = questions.length === 0 ? 0 : tables.rows.length;
  tables.rows.push(...questionRows(questions, firstQuestion));
  tables.hooks.push({
    ...{ id: hook, firstRule, slots, routes, firstBound, index, flags, execRows, firstQuestion },
  });
  return tests;
}

/** The index's result for a file that is open during the call is cached. */
function remembersPaths(
  members: readonly Member[],
  slots: readonly LinkedSlot[],
  index: RuleIndex | undefined,
): boolean {
  const text = slots[index?.textSlot ?? limits.NO_SLOT];
  return (
    members.every(({ rule }) => seesOpenFile(rule.planned.point)) &&
    text?.type === valueType.VALUE_FILE &&
    text.raw === 0 &&
    text.route === undefined
  );
}

/** A number that isn't in the index leaves no rule. */
function wantsListedNumbers({ bitSets }: OpenTables, index: RuleIndex | undefined): boolean {
  return index !== undefined && bitSets[index.numberDefault] === 0n;
}

/** They take a power of two, as the programs halve them. */
function boundsIn(index: RuleIndex | undefined): number {
  const count = index?.range?.bounds.length ?? 0;
  return count === 0 ? 0 : 2 ** Math.ceil(Math.log2(count));
}

const indexRoom: Omit<IndexRoom, "bounds"> = {
  numbers: limits.INDEX_NUMBERS,
  prefixes: limits.INDEX_PREFIXES,
  endings: limits.INDEX_ENDINGS,
  networks: limits.INDEX_NETWORKS,
  binaries: limits.INDEX_BINARIES,
  binaryEndings: limits.INDEX_BINARIES,
};

/** Rules that don't fit into the index are evaluated at every call. */
function addIndex(
  tables: OpenTables,
  rules: readonly PlacedRule[],
  { hostNamespace, firstBound }: LinkInput & Pick<LinkedHook, "firstBound">,
): RuleIndex | undefined {
  const left = (values: keyof typeof indexRoom) =>
    tables.hooks.reduce((room, { index }) => room - (index?.[values].size ?? 0), indexRoom[values]);
  const room = {
    numbers: left("numbers"),
    prefixes: left("prefixes"),
    endings: left("endings"),
    networks: left("networks"),
    binaries: left("binaries"),
    binaryEndings: left("binaryEndings"),
    bounds: Math.min(limits.HOOK_BOUNDS, limits.MAX_BOUNDS - firstBound),
  };
  return buildRuleIndex(rules, { bitSets: bitSetsOf(tables), room, hostNamespace });
}

const bitSetsOf = ({ bitSets, bitSetIds }: OpenTables): BitSets => ({
  fit: (contents) =>
    contents.filter((rules) => !bitSetIds.has(bitSetText(rules))).length <=
    limits.MAX_BITSETS - bitSets.length,
  add(rules) {
    const text = bitSetText(rules);
    const id = bitSetIds.get(text) ?? bitSets.push(rules) - 1;
    bitSetIds.set(text, id);
    return id;
  },
});

function placeOf(reading: ArgReading | undefined, slot: number | undefined): ValuePlace {
  if (reading === undefined || slot === undefined)
    throw new RangeError("a filter names an argument that the hook entry lacks");
  const { type, route } = reading.slot;
  const isDistant = route !== undefined || type === valueType.VALUE_CAPABILITIES;
  return { slot, type, signed: reading.signed, isDistant };
}

/** Values that are a socket, or belong to one. */
const socketTypes: ReadonlySet<number> = new Set([
  valueType.VALUE_SOCK,
  valueType.VALUE_SOCKET,
  valueType.VALUE_SOCK_TO_ADDR,
  valueType.VALUE_SKB,
]);

/** Rows of a selector that must all hold; `no-match`: if one fails, the rule ends. */
type Run = {
  readonly rows: readonly OpenRow[];
  readonly verdict: number;
  /** The selector matches with the last of them; otherwise its return filters follow. */
  readonly decides: boolean;
  readonly onFail: "next-alternative" | "no-match";
  /** Holds for as many calls; comes after the rows. The same for all runs of a selector. */
  readonly tally?: OpenRow | undefined;
  /** The selector has return filters. */
  readonly isAfterReturn?: boolean;
};

const rowsOf = ({ rows, tally, decides }: Run): readonly OpenRow[] =>
  tally === undefined || !decides ? rows : [...rows, tally];

/** @returns the first row of the rule's decision list. */
function addSelectors(
  tables: OpenTables,
  { planned: { selectors }, counters }: InstalledRule,
  context: FilterContext & {
    readonly slotOf: (arg: number | "return" | undefined) => number;
    /** By selector: the number by which its calls are counted; 0: they are not. */
    readonly condition: (selector: number) => number;
    readonly execTests: ExecTests;
  },
): number {
  const runs: Run[] = [];
  for (const [i, selector] of selectors.entries()) {
    const { tracked, untracked, mark = 0 } = selector.verdict;
    const sockets = { tracked: context.slotOf(tracked), untracked: context.slotOf(untracked) };
    const numbers = {
      mark: withPolicy(context.policyId, mark),
      counter: counters[i] ?? 0,
      firstAssignment: addAssignments(tables, selector.verdict.assignments ?? []),
    };
    const verdict = tables.verdicts.push({ ...selector.verdict, ...sockets, ...numbers }) - 1;
    const safe = safeOutcome(selectors, i);
    const tally = tallyRow(selector, context.condition(i), safe);
    const own = selectorRuns(selector, verdict, { ...context, safe });
    const isAfterReturn = selector.returnFilters.length > 0;
    runs.push(...own.map((run) => ({ ...run, tally, isAfterReturn })));
  }
  const first = tables.rows.length;
  const past = first + runs.reduce((sum, run) => sum + rowsOf(run).length, 0);
  let start = first;
  for (const [i, run] of runs.entries()) {
    const rows = rowsOf(run);
    const end = start + rows.length;
    const next = end + skippedAfter(runs, i);
    const fail = run.onFail === "no-match" || next === past ? 0 : next;
    const uncounted = end + skippedBySelector(runs, i);
    // Entry filters that match decide the rule, as without a count.
    const endsRule = run.isAfterReturn || uncounted === past;
    for (const [j, row] of rows.entries()) {
      const last = run.decides && j === rows.length - 1;
      const isTally = last && run.tally !== undefined;
      const test = context.execTests.numberOf(row);
      tables.rows.push({
        ...row,
        ...(test === undefined ? {} : { test }),
        flags: row.flags | (last ? rowFlags.ROW_LAST : 0),
        fail: isTally ? (endsRule ? 0 : uncounted) : fail,
        verdict: run.verdict,
      });
    }
    start = end;
  }
  return first;
}

/** @returns the first of them; 0: there are none. Equal lists have the same: programs take them for one change. */
function addAssignments(
  { assignments, assignmentIds }: OpenTables,
  added: readonly LinkedAssignment[],
): number {
  if (added.length === 0) return 0;
  const text = added.map((step) => Object.values(step).join()).join(";");
  const first = assignmentIds.get(text) ?? assignments.push(...added) - added.length;
  assignmentIds.set(text, first);
  return first;
}

/** A call is counted once, whichever of the alternatives it passes. */
function skippedBySelector(runs: readonly Run[], index: number): number {
  return runs
    .slice(index + 1)
    .filter(({ verdict }) => verdict === runs[index]?.verdict)
    .reduce((sum, run) => sum + rowsOf(run).length, 0);
}

/**
 * If entry filters fail, their return filters are skipped: the first match of entry filters decides the rule,
 * and its return filters then decide whether it counts.
 */
function skippedAfter(runs: readonly Run[], index: number): number {
  if (runs[index]?.decides) return 0;
  let rows = 0;
  for (const run of runs.slice(index + 1)) {
    rows += rowsOf(run).length;
    if (run.onFail === "no-match") break;
  }
  return rows;
}

type SelectorContext = FilterContext & { readonly safe: SafeOutcome };

function holdsUnknown(filter: PlainFilter, { safe, place }: SelectorContext): boolean {
  return outcomeOfUnknown(safe, filter.on === "arg" ? place(filter.arg).type : undefined);
}

function selectorRuns(selector: PlannedSelector, verdict: number, context: SelectorContext): Run[] {
  const entries = alternatives(selector.filters, context);
  if (selector.returnFilters.length === 0) {
    return entries.map((rows) => ({
      rows: orAlways(rows),
      verdict,
      decides: true,
      onFail: "next-alternative",
    }));
  }
  const returns = alternatives(selector.returnFilters, context);
  return entries.flatMap((rows): Run[] => [
    { rows: orAlways(rows), verdict, decides: false, onFail: "next-alternative" },
    ...returns.map(
      (ofReturn, i): Run => ({
        rows: ofReturn,
        verdict,
        decides: true,
        onFail: i === returns.length - 1 ? "no-match" : "next-alternative",
      }),
    ),
  ]);
}

/** Alternatives inside filters become alternatives of whole lists, one for each combination. */
function alternatives(filters: PlannedSelector["filters"], context: SelectorContext): OpenRow[][] {
  const lists: OpenRow[][] = [];
  for (const list of plainLists(filters)) {
    lists.push(...rowLists(list, context));
    if (lists.length > maxAlternatives) throw tooMany();
  }
  return lists;
}

function rowLists(filters: readonly PlainFilter[], context: SelectorContext): OpenRow[][] {
  const ordered = [...filters].sort((a, b) => filterCost(a) - filterCost(b));
  let lists: OpenRow[][] = [[]];
  const rows = ordered.flatMap((filter) => {
    const flag = holdsUnknown(filter, context) ? rowFlags.ROW_UNKNOWN_HOLDS : 0;
    return filterRows(filter, context).map((choices) =>
      choices.map((row) => ({ ...row, flags: row.flags | flag })),
    );
  });
  for (const choices of rows) {
    lists = lists.flatMap((list) => choices.map((row) => [...list, row]));
    if (lists.length > maxAlternatives) throw tooMany();
  }
  return lists;
}

const tooMany = () => new LinkLimitError("the ranges of one selector give too many combinations");

const maxAlternatives = policyLimits.alternatives;

const always: OpenRow = { op: rowOp.ROW_ALWAYS, slot: 0, flags: 0, set: 0, n: 0, values: [] };

function orAlways(rows: readonly OpenRow[]): readonly OpenRow[] {
  return rows.length === 0 ? [always] : rows;
}

function setsOf(rows: readonly (LinkedRow | undefined)[]): Set<number> {
  return new Set(
    rows.flatMap((row) =>
      row === undefined
        ? []
        : [setIsKind.has(row.op) ? 0 : row.set, row.names ?? 0].filter((set) => set !== 0),
    ),
  );
}

/** Rows in which `set` names the namespace or the capability set. */
const setIsKind: ReadonlySet<number> = new Set([
  rowOp.ROW_NAMESPACE,
  rowOp.ROW_CAPABILITY,
  rowOp.ROW_CAPABILITY_CHANGE,
]);

function followedBits(rows: readonly (LinkedRow | undefined)[]): Set<number> {
  const masks = rows.flatMap((row) => (row?.op === rowOp.ROW_FOLLOW ? row.values.slice(0, 1) : []));
  const all = masks.reduce((one, other) => one | other, 0n);
  return new Set(
    Array.from({ length: limits.FOLLOW_BITS }, (_, bit) => bit).filter(
      (bit) => (all >> BigInt(bit)) & 1n,
    ),
  );
}

function rememberedBy({ rows, verdicts }: OpenTables): Set<Remembered> {
  const tells = verdicts.some((verdict) => (verdict?.actions ?? 0) & action.ACTION_TRACK_SOCK);
  const tested = rows.flatMap((row): Remembered[] => {
    if (row === undefined) return [];
    if (row.flags & rowFlags.ROW_PARENT) return ["parents"];
    return testsChange.has(row.op) ? ["privileges"] : [];
  });
  return new Set(tells ? [...tested, "owners"] : tested);
}

const testsChange: ReadonlySet<number> = new Set([
  rowOp.ROW_NAMESPACE_CHANGE,
  rowOp.ROW_CAPABILITY_CHANGE,
]);

function checkLimits(
  tables: OpenTables,
  {
    applications,
    groups,
    workloads,
    conditions,
  }: Record<"applications" | "groups" | "workloads" | "conditions", number>,
): void {
  const uses: [string, number, number][] = [
    ["hook entries", tables.rules.length, limits.MAX_RULES],
    ["filters", tables.rows.length, limits.MAX_ROWS],
    ["selectors", tables.verdicts.length, limits.MAX_VERDICTS],
    ["combinations of policies", applications, limits.MAX_APPLICATIONS],
    ["groups of workloads", groups, limits.MAX_GROUPS],
    ["paths to values", tables.routes.length, limits.MAX_ROUTES],
    ["different workloads in selectors", workloads, limits.MAX_WORKLOADS],
    ["changes of registers", tables.assignments.length, limits.MAX_ASSIGNMENTS],
    ["selectors that count calls", conditions, limits.MAX_CONDITIONS],
  ];
  for (const [what, count, limit] of uses) {
    if (count > limit)
      throw new LinkLimitError(`all policies together have ${count} ${what}, and ${limit} fit`);
  }
}
