// SPDX-License-Identifier: Apache-2.0

import type { Side } from "../kernel/tables/table-writer.ts";
import { limits } from "../link/abi.gen.ts";
import type { Groups } from "../link/group-plan.ts";
import type { LinkedTables, Remembered } from "../link/linked-tables.ts";
import { type LinkInput, link } from "../link/linker.ts";
import { activeRules, type InstalledPolicy, isForAll, isForHost } from "./installed-policy.ts";

/** What a side of the tables counts calls for; enough to interpret the counts later. Plain data. */
export type CountedSide = {
  readonly side: Side;
  /** By index of an application: ids of the rules in it. */
  readonly applications: readonly (readonly number[])[];
  readonly sets: readonly number[];
  readonly followed: readonly number[];
  readonly remembered: readonly Remembered[];
};

export type Linked = { readonly counted: CountedSide; readonly tables: LinkedTables };

/** Links all policies: the operator's for the groups they apply to, all others for everything. */
export function linkTables(
  policies: readonly InstalledPolicy[],
  groups: Groups,
  side: Side,
  context: Pick<LinkInput, "sets" | "follow" | "hostNamespace" | "fileIdentity">,
): Linked {
  const linkable = policies.map((policy) => ({
    id: policy.id,
    rules: activeRules(policy),
    budget: policy.budget,
    mode: policy.mode,
  }));
  const { contents, numbers } = distinctGroups(policies, groups);
  const linked = link({ ...context, policies: linkable, groups: contents });
  const tables = {
    ...linked,
    groups: numbers.map((index) => linked.groups[index] ?? new Map<number, number>()),
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
    },
  };
}

/** Links groups with the same policies once. `numbers`: by group number, the index in `contents`. */
function distinctGroups(policies: readonly InstalledPolicy[], groups: Groups) {
  const known = new Map<string, number>();
  const contents: (readonly number[])[] = [];
  const add = (applies: (policy: InstalledPolicy) => boolean): number => {
    const positions = policies.flatMap((policy, i) => (applies(policy) ? [i] : []));
    const key = positions.join();
    const found = known.get(key) ?? contents.push(positions) - 1;
    known.set(key, found);
    return found;
  };
  const numbers = [add(isForHost)];
  if (groups.size === 0) return { contents, numbers };
  // Unused group numbers get the policies of unknown pods.
  const unknown = add(isForAll);
  for (let number = 1; number < limits.MAX_GROUPS; number++) {
    const uids = groups.get(number);
    const has = (policy: InstalledPolicy) =>
      isForAll(policy) || (uids?.includes(policy.key.uid ?? "") ?? false);
    numbers.push(uids === undefined || uids.length === 0 ? unknown : add(has));
  }
  return { contents, numbers };
}
