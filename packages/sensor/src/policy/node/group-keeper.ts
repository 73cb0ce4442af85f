// SPDX-License-Identifier: Apache-2.0
import type { CgroupGroups } from "../../kernel/tables/cgroup-groups.ts";
import { contentKey, type GroupPlan, planGroups } from "../../link/group-plan.ts";
import type { PodCgroup, PodCgroups } from "../../workload/pod-cgroups.ts";
import { entryOf, workloadsOf } from "../group-content.ts";
import type { Installed, KernelTables } from "../kernel-tables.ts";
import type { Assignment } from "./node-assignment.ts";

/** One state of a node: the policies, and which cgroups have them. */
type Arrangement = {
  readonly installed: Installed;
  readonly assignment: Assignment;
  /** By UID of a removed policy: the policy of the same name that replaces it. */
  readonly successors: ReadonlyMap<string, string>;
};

type Deps = {
  readonly tables: KernelTables;
  readonly cgroups: PodCgroups;
  readonly groups: CgroupGroups;
};

/** Keeps every cgroup in the group that has its policies. */
export class GroupKeeper {
  readonly #deps: Deps;
  #assignment: Assignment | undefined;
  /** By content: the group's number. */
  #numbers: ReadonlyMap<string, number> = new Map();
  /** Cgroups were moved without a wait since: a program may still see a cgroup's old number. */
  #moved = false;
  #strangers: ReadonlySet<bigint> = new Set();

  constructor(deps: Deps) {
    this.#deps = deps;
    const { tables, groups } = deps;
    tables.adoptGroups([...groups.entries()].map(([, number]) => number));
  }

  /** @throws LinkLimitError if these policies don't fit together. */
  check(next: Arrangement): void {
    this.#deps.tables.check(next.installed, this.#plan(next).groups);
  }

  /** Call before `arrange`: resolves when the unused group numbers are free. */
  async ready(): Promise<void> {
    while (this.#moved) {
      this.#moved = false;
      await this.#deps.tables.kernel.waitForReaders();
    }
  }

  /**
   * Takes effect at one moment; a cgroup for which no group is left keeps its policies.
   * @returns those cgroups. @throws LinkLimitError, BpfError; then nothing has changed.
   */
  arrange(next: Arrangement): ReadonlySet<bigint> {
    const { tables, groups } = this.#deps;
    const plan = this.#plan(next);
    if (next.installed === tables.installed() && !isSwitchNeeded(plan, tables)) {
      moveAll(groups, plan.before);
    } else {
      const beforeSwitch = () => {
        for (const { from, to } of plan.aliases) tables.kernel.copyGroup(from, to);
        moveAll(groups, plan.before);
      };
      tables.advance(next.installed, { grouping: { groups: plan.groups, beforeSwitch } });
    }
    moveAll(groups, plan.after);
    this.#moved = true;
    this.#assignment = next.assignment;
    this.#numbers = plan.numbers;
    return plan.refused;
  }

  /** No policy applies to only some pods, so all cgroups may be in group 0. */
  async release(): Promise<void> {
    const { tables, groups } = this.#deps;
    this.#assignment = undefined;
    this.#numbers = new Map();
    // A program that listed a new cgroup while the others were deleted has ended after a wait.
    for (let listed = [...groups.entries()]; listed.length > 0; listed = [...groups.entries()]) {
      for (const [cgroup] of listed) groups.delete(cgroup);
      await tables.kernel.waitForReaders();
    }
    groups.tidy();
    if (tables.groups().size === 0) return;
    // Their memory is given back as well.
    await tables.ready();
    const grouping = { groups: new Map(), beforeSwitch: () => {} };
    tables.advance(tables.installed(), { grouping });
  }

  /** @returns whether the cgroup is in its group; if not, `arrange` must first make that group. */
  place(cgroup: PodCgroup): boolean {
    if (this.#assignment === undefined) return true;
    const number = this.#numbers.get(contentKey(this.#assignment.of(cgroup)) ?? "");
    if (number === undefined) return false;
    this.#deps.groups.set(cgroup.id, number);
    this.#moved = true;
    return true;
  }

  remove(cgroup: bigint): void {
    if (this.#assignment !== undefined) this.#deps.groups.delete(cgroup);
  }

  /** Unlists cgroups that are no longer known: their removal was missed. Call it after a scan. */
  tidy(): void {
    if (this.#assignment === undefined) return;
    const { cgroups, groups } = this.#deps;
    const known = new Set([...cgroups.inPods()].map(({ id }) => id));
    const strangers = new Set(
      [...groups.entries()].map(([id]) => id).filter((id) => !known.has(id)),
    );
    for (const id of strangers) if (this.#strangers.has(id)) groups.delete(id);
    this.#strangers = strangers;
    groups.tidy();
  }

  #plan({ installed, assignment, successors }: Arrangement): GroupPlan {
    const { tables, groups } = this.#deps;
    const known = unsureEntries(tables.installed());
    return planGroups({
      groups: tables.groups(),
      placed: new Map(groups.entries()),
      wanted: new Map(
        [...this.#deps.cgroups.inPods()].map((cgroup) => [cgroup.id, assignment.of(cgroup)]),
      ),
      expected: assignment.expected,
      successors,
      unsure: [...unsureEntries(installed)].filter((entry) => !known.has(entry)),
    });
  }
}

/** Of the workloads of all selectors. */
function unsureEntries(installed: Installed): ReadonlySet<string> {
  const workloads = [...installed.values()].flatMap(({ compiled }) => workloadsOf(compiled));
  return new Set(workloads.flatMap((one) => entryOf(one, "unsure") ?? []));
}

/** False if cgroups only move between existing groups. */
function isSwitchNeeded(plan: GroupPlan, tables: KernelTables): boolean {
  const now = tables.groups();
  return (
    !tables.isBegun() ||
    plan.aliases.length > 0 ||
    [...plan.groups].some(([number, uids]) => contentKey(now.get(number)) !== contentKey(uids))
  );
}

function moveAll(groups: CgroupGroups, moves: ReadonlyMap<bigint, number>): void {
  for (const [cgroup, number] of moves) groups.set(cgroup, number);
}
