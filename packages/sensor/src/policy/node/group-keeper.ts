// SPDX-License-Identifier: Apache-2.0
import type { CgroupGroups } from "../../kernel/tables/cgroup-groups.ts";
import { contentKey, type GroupPlan, planGroups } from "../../link/group-plan.ts";
import type { PodCgroup, PodCgroups } from "../../workload/pod-cgroups.ts";
import type { Generations, Installed } from "../generations.ts";
import type { Assignment } from "./node-assignment.ts";

/** Policies and which cgroups have them, one state of a node. */
export type Arrangement = {
  readonly installed: Installed;
  readonly assignment: Assignment;
  /** By UID of a policy that goes: the one that has come in its place under its name. */
  readonly successors: ReadonlyMap<string, string>;
};

type Deps = {
  readonly generations: Generations;
  readonly cgroups: PodCgroups;
  readonly groups: CgroupGroups;
};

/** Keeps every cgroup in the group that has what it is to have. */
export class GroupKeeper {
  readonly #deps: Deps;
  #assignment: Assignment | undefined;
  /** By content: the number of the group. */
  #numbers: ReadonlyMap<string, number> = new Map();
  /** Cgroups were moved while nobody waited: a program may still see the number one had. */
  #moved = false;
  #strangers: ReadonlySet<bigint> = new Set();

  constructor(deps: Deps) {
    this.#deps = deps;
    const { generations, groups } = deps;
    generations.adoptGroups([...groups.entries()].map(([, number]) => number));
  }

  /** @throws LinkLimitError if these policies don't fit together. */
  check(next: Arrangement): void {
    this.#deps.generations.check(next.installed, this.#plan(next).groups);
  }

  /**
   * To be called before `arrange`: returns when the numbers that nobody has any more are free.
   */
  async ready(): Promise<void> {
    while (this.#moved) {
      this.#moved = false;
      await this.#deps.generations.kernel.waitForReaders();
    }
  }

  /**
   * Brings it about at one moment; a cgroup for which there is no room keeps what it has.
   * @returns those cgroups. @throws LinkLimitError, BpfError; then nothing has changed.
   */
  arrange(next: Arrangement): ReadonlySet<bigint> {
    const { generations, groups } = this.#deps;
    const plan = this.#plan(next);
    if (next.installed === generations.installed() && !isSwitchNeeded(plan, generations)) {
      moveAll(groups, plan.before);
    } else {
      const beforeSwitch = () => {
        for (const { from, to } of plan.aliases) generations.kernel.copyGroup(from, to);
        moveAll(groups, plan.before);
      };
      generations.advance(next.installed, { grouping: { groups: plan.groups, beforeSwitch } });
    }
    moveAll(groups, plan.after);
    this.#moved = true;
    this.#assignment = next.assignment;
    this.#numbers = plan.numbers;
    return plan.refused;
  }

  /** No policy is for some pods alone, so all cgroups may be in group 0. */
  async release(): Promise<void> {
    const { generations, groups } = this.#deps;
    this.#assignment = undefined;
    this.#numbers = new Map();
    // A program that was listing a new cgroup while the others were deleted has ended after a wait.
    for (let listed = [...groups.entries()]; listed.length > 0; listed = [...groups.entries()]) {
      for (const [cgroup] of listed) groups.delete(cgroup);
      await generations.kernel.waitForReaders();
    }
    generations.forgetGroups();
    groups.tidy();
  }

  /** @returns whether it is where it should be; else `arrange` has to make that place first. */
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

  /** Unlists what nobody knows any more: its end was missed. Call it after a scan. */
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

  #plan({ assignment, successors }: Arrangement): GroupPlan {
    const { generations, groups } = this.#deps;
    return planGroups({
      groups: generations.groups(),
      placed: new Map(groups.entries()),
      wanted: new Map(
        [...this.#deps.cgroups.inPods()].map((cgroup) => [cgroup.id, assignment.of(cgroup)]),
      ),
      expected: assignment.expected,
      successors,
    });
  }
}

/** Not if cgroups only move between groups that are there already. */
function isSwitchNeeded(plan: GroupPlan, generations: Generations): boolean {
  const now = generations.groups();
  return (
    !generations.isBegun() ||
    plan.aliases.length > 0 ||
    [...plan.groups].some(([number, uids]) => contentKey(now.get(number)) !== contentKey(uids))
  );
}

function moveAll(groups: CgroupGroups, moves: ReadonlyMap<bigint, number>): void {
  for (const [cgroup, number] of moves) groups.set(cgroup, number);
}
