// SPDX-License-Identifier: Apache-2.0
import { action, feature, rateScope, rowFlags, rowOp, slotFlags, valueType } from "./abi.gen.ts";
import { createFollowBits } from "./follow-bits.ts";
import type { LinkedRow, LinkedSlot, LinkedTables, LinkedVerdict } from "./linked-tables.ts";
import { link } from "./linker.ts";
import { enforces, type PlannedRule } from "./planned-rule.ts";
import { createSetInterner } from "./set-interner.ts";

/** All that a program can have (bpf/abi.h: enum feature). */
export const allFeatures = feature.FEATURES_END - 1;

/** Without these, rows decide the same, at more cost where many policies ask alike. */
export const indexFeatures =
  feature.FEATURE_RANGES | feature.FEATURE_ENDINGS | feature.FEATURE_QUESTIONS;

/** Features by hook: what its rows, values and actions need of the hook's program. */
export function featuresOf({
  hooks,
  rules,
  rows,
  verdicts,
}: Pick<LinkedTables, "hooks" | "rules" | "rows" | "verdicts">): Map<number, number> {
  const rowFrom = (rule: number) => rules[rule]?.firstRow ?? rows.length;
  return new Map(
    hooks.map(({ id, firstRule, slots }, i) => {
      const own = rows.slice(rowFrom(firstRule), rowFrom(hooks[i + 1]?.firstRule ?? rules.length));
      const needed = own.flatMap((row) =>
        row === undefined ? [] : [ofRow(row), ofVerdict(verdicts[row.verdict])],
      );
      const last = hooks[i + 1]?.firstRule ?? rules.length;
      const hasFuse = rules.slice(firstRule, last).some(({ fuse }) => fuse !== 0);
      return [id, join([...needed, ...slots.map(ofSlot), hasFuse ? feature.FEATURE_FUSES : 0])];
    }),
  );
}

const known = new WeakMap<PlannedRule, number>();

/** The features that a rule will need, before it has a hook: those of its rows. @throws LinkLimitError */
export function featuresOfRule(
  planned: PlannedRule,
  { hasFuse }: { readonly hasFuse: boolean } = { hasFuse: false },
): number {
  return featuresOfRows(planned) | (hasFuse && enforces(planned) ? feature.FEATURE_FUSES : 0);
}

function featuresOfRows(planned: PlannedRule): number {
  const found = known.get(planned);
  if (found !== undefined) return found;
  const rule = { id: 1, hookId: 1, planned, counters: [] };
  const tables = link({
    policies: [{ id: 1, rules: [rule], budget: 0, mode: "enforce" }],
    groups: [[0]],
    sets: createSetInterner(),
    follow: createFollowBits(),
    fileIdentity: () => undefined,
    hostNamespace: () => 0n,
  });
  const features = featuresOf(tables).get(1) ?? 0;
  known.set(planned, features);
  return features;
}

const join = (features: readonly number[]) => features.reduce((all, one) => all | one, 0);

function ofRow({ op, flags }: Pick<LinkedRow, "op" | "flags">): number {
  const isAsked =
    (flags & rowFlags.ROW_PARENT) !== 0 ||
    ((flags & rowFlags.ROW_NEGATE) !== 0 && askedIfNegated.has(op));
  return (opFeatures.get(op) ?? allFeatures) | (isAsked ? questions : 0);
}

/** The index has no lists of what such values must not be. */
const askedIfNegated: ReadonlySet<number> = new Set([
  rowOp.ROW_EQUAL,
  rowOp.ROW_INT_SET,
  rowOp.ROW_STR_EQUAL,
  rowOp.ROW_STR_PREFIX,
  rowOp.ROW_STR_POSTFIX,
]);

function ofSlot({ type, flags, route }: LinkedSlot): number {
  const isDistant = route !== undefined || (flags & slotFlags.SLOT_DISTANT) !== 0;
  return (
    (typeFeatures.get(type) ?? allFeatures) |
    (isDistant ? feature.FEATURE_ROUTES : 0) |
    (flags & slotFlags.SLOT_MAX_DATA ? feature.FEATURE_DATA : 0)
  );
}

function ofVerdict(verdict: LinkedVerdict | undefined): number {
  if (verdict === undefined) return 0;
  const isLimited = verdict.rateScope !== rateScope.RATE_NONE || verdict.rateWindowMs > 0;
  const actions = [...actionFeatures].map(([bits, needed]) =>
    verdict.actions & bits ? needed : 0,
  );
  return join([
    isLimited ? feature.FEATURE_RATES : 0,
    verdict.firstAssignment > 0 ? feature.FEATURE_REGISTERS : 0,
    ...actions,
  ]);
}

const {
  FEATURE_TEXTS: texts,
  FEATURE_SOCKETS: sockets,
  FEATURE_BINARIES: binaries,
  FEATURE_CHANGES: changes,
  FEATURE_MARKS: marks,
  FEATURE_OWNERS: owners,
  FEATURE_EXEC: exec,
  FEATURE_RANGES: ranges,
  FEATURE_QUESTIONS: questions,
} = feature;
const paths = texts | feature.FEATURE_PATHS;
const search = texts | feature.FEATURE_SEARCH | questions;
const segments = texts | feature.FEATURE_SEGMENTS;
const structures = texts | feature.FEATURE_STRUCTURES;

/** A word without a row needs everything. */
const byNumber = <Name extends string>(
  numbers: Readonly<Record<Name, number>>,
  needs: Readonly<Partial<Record<Name, number>>>,
): ReadonlyMap<number, number> =>
  new Map(
    (Object.keys(numbers) as Name[]).map((name) => [numbers[name], needs[name] ?? allFeatures]),
  );

/** By enum row_op. */
export const opFeatures = byNumber(rowOp, {
  ROW_ALWAYS: 0,
  ROW_EQUAL: 0,
  ROW_GREATER: ranges,
  ROW_LESS: ranges,
  ROW_MASK: questions,
  ROW_RANGE: ranges,
  ROW_GAINED: feature.FEATURE_PAIRS,
  ROW_DIFFERENCE: feature.FEATURE_PAIRS,
  ROW_INT_SET: 0,
  ROW_STR_EQUAL: texts,
  ROW_STR_PREFIX: texts,
  ROW_STR_POSTFIX: texts | feature.FEATURE_ENDINGS,
  ROW_STR_CONTAINS: search,
  ROW_STR_CONTAINS_ANY_CASE: search,
  ROW_FILE_TYPE: paths | questions,
  ROW_ORIGIN: feature.FEATURE_PATHS | feature.FEATURE_ORIGINS | questions,
  ROW_SADDR: sockets | questions,
  ROW_DADDR: sockets,
  ROW_SPORT: sockets | ranges,
  ROW_DPORT: sockets | ranges,
  ROW_PROTOCOL: sockets | questions,
  ROW_FAMILY: sockets | questions,
  ROW_STATE: sockets | questions,
  ROW_PID: ranges,
  ROW_NS_PID: ranges,
  ROW_BINARY_EQUAL: binaries,
  ROW_BINARY_PREFIX: binaries,
  ROW_BINARY_POSTFIX: binaries | feature.FEATURE_ENDINGS,
  ROW_FOLLOW: binaries | questions,
  ROW_NAMESPACE: ranges,
  ROW_CAPABILITY: questions,
  ROW_BINARY_FILE: binaries | questions,
  ROW_NAMESPACE_CHANGE: changes,
  ROW_CAPABILITY_CHANGE: changes,
  ROW_MARKED_CALL: marks,
  ROW_WORKLOADS: feature.FEATURE_WORKLOADS,
  ROW_TALLY: feature.FEATURE_TALLIES,
  ROW_PROPERTY: feature.FEATURE_PROPERTIES | ranges,
  ROW_EXEC_EQUAL: exec,
  ROW_EXEC_PREFIX: exec,
  ROW_EXEC_POSTFIX: exec,
  ROW_EXEC_CONTAINS: exec | feature.FEATURE_SEARCH,
  ROW_EXEC_CONTAINS_ANY_CASE: exec | feature.FEATURE_SEARCH,
  ROW_EXEC_SET: exec,
});

/** By enum value_type. */
export const typeFeatures = byNumber(valueType, {
  VALUE_NONE: 0,
  VALUE_U8: 0,
  VALUE_S8: 0,
  VALUE_U16: 0,
  VALUE_S16: 0,
  VALUE_U32: 0,
  VALUE_S32: 0,
  VALUE_SYSCALL: 0,
  VALUE_CAPABILITIES: feature.FEATURE_ROUTES,
  VALUE_U64: 0,
  VALUE_STRING: texts,
  VALUE_USER_STRING: texts,
  VALUE_BUFFER: texts,
  VALUE_USER_BUFFER: texts,
  VALUE_FILENAME: texts,
  VALUE_FD: paths,
  VALUE_FILE: paths,
  VALUE_PATH: paths,
  VALUE_BINPRM: paths,
  VALUE_SOCK: sockets,
  VALUE_SOCKADDR: sockets,
  VALUE_SOCK_TO_ADDR: sockets,
  VALUE_SOCKET: sockets,
  VALUE_DATA_LOC: texts,
  VALUE_DENTRY: paths,
  VALUE_ATTR_FILE: paths,
  VALUE_KIOCB: paths,
  VALUE_SKB: sockets | feature.FEATURE_PACKETS,
  VALUE_IOV_ITER: segments,
  VALUE_USER_IOVEC: segments,
  VALUE_USER_NS: structures,
  VALUE_CRED: structures,
  VALUE_BPF_ATTR: structures,
  VALUE_BPF_PROG: structures,
  VALUE_BPF_MAP: structures,
  VALUE_PERF_EVENT: structures,
  VALUE_MODULE: structures,
  VALUE_LOAD_INFO: structures,
  VALUE_NET_DEVICE: structures,
});

/** By enum action. */
export const actionFeatures = byNumber(action, {
  ACTION_POST: 0,
  ACTION_KILL: 0,
  ACTION_SIGNAL: 0,
  ACTION_DENY: 0,
  ACTION_KERNEL_STACK: 0,
  ACTION_USER_STACK: 0,
  ACTION_TRACK_SOCK: owners,
  ACTION_UNTRACK_SOCK: owners,
  ACTION_MARK_CALL: marks,
  ACTION_UNMARK_CALL: marks,
  ACTION_SET: feature.FEATURE_WRITES,
  ACTION_HASH: feature.FEATURE_HASH,
  ACTION_ENFORCE: 0,
});

/** A sensor with other tables does not adopt programs that were loaded by these. */
export const featureTables = JSON.stringify(
  [opFeatures, typeFeatures, actionFeatures].map((table) => [...table]),
);

export function featureNames(features: number): string[] {
  return Object.entries(feature).flatMap(([name, bit]) =>
    features & allFeatures & bit ? [name] : [],
  );
}
