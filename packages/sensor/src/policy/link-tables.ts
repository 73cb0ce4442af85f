// SPDX-License-Identifier: Apache-2.0
import type { WorkloadSelector } from "@gander/policy";
import type { Side } from "../kernel/tables/sided-memory.ts";
import { limits } from "../link/abi.gen.ts";
import type { Groups } from "../link/group-plan.ts";
import type { LinkedTables, Remembered } from "../link/linked-tables.ts";
import { type LinkInput, link } from "../link/linker.ts";
import type { Belonging } from "../link/workloads.ts";
import { withoutEnded } from "./exception-ends.ts";
import { belongsTo } from "./group-content.ts";
import { activeRules, type InstalledPolicy, isForAll, isForHost } from "./installed-policy.ts";

/** What a side of the tables counts calls for; enough to interpret the counts later. Plain data. */
export type CountedSide = {
  readonly side: Side;
  /** By index of an application: ids of the rules in it. */
  readonly applications: readonly (readonly number[])[];
  readonly sets: readonly number[];
  readonly followed: readonly number[];
  readonly remembered: readonly Remembered[];
  readonly conditions: readonly bigint[];
};

export type Linked = { readonly counted: CountedSide; readonly tables: LinkedTables };

/** Links all policies: the operator's for the groups they apply to, all others for everything. */
export function linkTables(
  policies: readonly InstalledPolicy[],
  groups: Groups,
  side: Side,
  {
    nowMs,
    ...context
  }: Pick<LinkInput, "sets" | "follow" | "hostNamespace" | "fileIdentity"> & {
    /** Exceptions that end until then are left out. */
    readonly nowMs: number;
  },
): Linked {
  const linkable = policies.map((policy) => ({
    id: policy.id,
    rules: activeRules(policy).map((rule) => withoutEnded(rule, nowMs)),
    budget: policy.budget,
    fuse: policy.fuse?.number,
    mode: policy.mode,
  }));
  const { contents, numbers } = distinctGroups(policies, groups);
  const linked = link({
    ...context,
    policies: linkable,
    groups: contents.map(({ positions }) => positions),
    belongs: (group, workloads) => contents[group]?.belongs(workloads) ?? "outside",
  });
  const none = { within: [], unsure: [] };
  const tables = {
    ...linked,
    groups: numbers.map((index) => linked.groups[index] ?? new Map<number, number>()),
    workloads: numbers.map((index) => linked.workloads[index] ?? none),
  };
  const applications = tables.applications.map(
    (one) => one?.bits.flatMap((bit) => tables.rules[one.firstRule + bit]?.id || []) ?? [],
  );
  return {
    tables,
    counted: {
      side,
      applications,
      sets: [...tables.sets],
      followed: [...tables.followed],
      remembered: [...tables.remembered],
      conditions: [...tables.conditions],
    },
  };
}

type Content = {
  /** Of its policies. */
  readonly positions: readonly number[];
  readonly belongs: (workloads: WorkloadSelector) => Belonging;
};

/** Links groups with the same content once. `numbers`: by group number, the index in `contents`. */
function distinctGroups(policies: readonly InstalledPolicy[], groups: Groups) {
  const known = new Map<string, number>();
  const contents: Content[] = [];
  const add = (positions: readonly number[], belongs: Content["belongs"], key: string): number => {
    const found = known.get(key) ?? contents.push({ positions, belongs }) - 1;
    known.set(key, found);
    return found;
  };
  const positionsOf = (applies: (policy: InstalledPolicy) => boolean) =>
    policies.flatMap((policy, position) => (applies(policy) ? [position] : []));
  const ofHost = ({ host }: WorkloadSelector): Belonging => (host ? "within" : "outside");
  const numbers = [add(positionsOf(isForHost), ofHost, "host")];
  if (groups.size === 0) return { contents, numbers };
  const forAll = positionsOf(isForAll);
  // Unused group numbers have what unknown pods have.
  const unknown = add(forAll, () => "outside", " ");
  const selected = Map.groupBy(
    positionsOf((policy) => !isForAll(policy)),
    (position) => policies[position]?.key.uid ?? "",
  );
  const isForAllUid = new Set(forAll.map((position) => policies[position]?.key.uid ?? ""));
  const end = endOfNumbers(groups);
  for (let number = 1; number < end; number++) {
    const content = groups.get(number) ?? [];
    if (content.length === 0) {
      numbers.push(unknown);
      continue;
    }
    const own = content.flatMap((entry) => selected.get(entry) ?? []).sort((a, b) => a - b);
    const others = content.filter((entry) => !selected.has(entry) && !isForAllUid.has(entry));
    const entries = new Set(others);
    const belongs = (workloads: WorkloadSelector) => belongsTo(entries, workloads);
    numbers.push(add([...forAll, ...own], belongs, `${own.join()} ${others.join()}`));
  }
  return { contents, numbers };
}

/** Whole pages of the table: what a number without a group has is written as well. */
function endOfNumbers(groups: Groups): number {
  const last = Math.max(...groups.keys());
  return Math.ceil((last + 1) / limits.GROUPS_PAGE) * limits.GROUPS_PAGE;
}
