// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { limits } from "../kernel/abi.gen.ts";
import type { Side } from "../kernel/table-writer.ts";
import { createFollowBits, type FollowBits, type Followed } from "./follow-bits.ts";
import { type Generation, type Linked, linkGeneration } from "./generation.ts";
import type { Groups } from "./group-plan.ts";
import { createHitCounter, type HitCounter } from "./hit-counter.ts";
import { allRules, type InstalledPolicy, keyText } from "./installed-policy.ts";
import type { LinkedTables } from "./linked-tables.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";
import { createNumberPool, type NumberPool } from "./number-pool.ts";
import { createPastCounts, type PastCounts } from "./past-counts.ts";
import { countsOf } from "./policy-counts.ts";
import type { PolicyKernel } from "./policy-kernel.ts";
import { createRuleRegistry, type RuleRegistry } from "./rule-registry.ts";
import { createSetInterner, type SetInterner } from "./set-interner.ts";

export type Installed = ReadonlyMap<string, InstalledPolicy>;

/** One after another, each generation holds all policies that are in force together. */
export interface Generations extends AsyncDisposable {
  readonly kernel: PolicyKernel;
  readonly rules: RuleRegistry;
  readonly counters: NumberPool;
  readonly budgets: NumberPool;
  readonly hits: HitCounter;
  readonly sets: SetInterner;
  readonly past: PastCounts;
  installed(): Installed;
  groups(): Groups;
  /** Cgroups are in groups of which nothing is known any more: pods get no policies but those for all. */
  adoptGroups(numbers: Iterable<number>): void;
  /** No cgroup is in a group any more. */
  forgetGroups(): void;
  nextPolicyId(): number;
  /** Whether what the kernel enforces is what `installed` says: not so after a lost manifest. */
  isBegun(): boolean;
  /** Returns when `advance` may be called: nothing reads the inactive side any more. */
  ready(): Promise<void>;
  /** Whether these policies fit together; changes nothing. @throws LinkLimitError */
  check(next: Installed, groups: Groups): void;
  /**
   * Puts these policies in force, all at one moment. If it throws, nothing has changed.
   * @throws LinkLimitError, BpfError
   */
  advance(next: Installed, grouping?: Grouping): void;
}

export type Grouping = {
  readonly groups: Groups;
  /** Is called when everything is written, right before it is switched to. */
  readonly beforeSwitch: () => void;
};

type Deps = {
  readonly kernel: PolicyKernel;
  readonly manifest: ManifestFile;
  readonly logger: Logger;
};
type Options = { readonly kernelId: string; readonly detachUnusedAfterMs?: number };

const defaultDetachAfterMs = 60_000;

/** @param adopted what an earlier sensor with the same programs has written. */
export function createGenerations(
  { kernel, manifest, logger }: Deps,
  options: Options,
  adopted: Manifest | undefined,
): Generations {
  const { kernelId, detachUnusedAfterMs = defaultDetachAfterMs } = options;
  const state = startState(kernel, adopted);
  let installed: Installed = new Map(
    adopted?.policies.map((policy) => [keyText(policy.key), policy]),
  );
  let begun = adopted !== undefined && adopted.side === kernel.activeSide();
  let groups: Groups = new Map(adopted?.groups);
  let grace: Promise<void> = Promise.resolve();
  let detaching: NodeJS.Timeout | undefined;

  let isUnsaved = false;
  const save = (policies: Installed, inGroups: Groups, side: Side) => {
    try {
      manifest.save({
        kernelId,
        side,
        nextPolicyId: state.nextPolicyId,
        policies: [...policies.values()],
        rules: [...state.rules.entries()],
        hits: state.hits.snapshot(),
        sets: [...state.sets.entries()],
        follow: [...state.follow.entries()],
        groups: [...inGroups],
        past: state.past.snapshot(),
      });
      isUnsaved = false;
    } catch (error) {
      // An older one would be believed at the next start. If it can't even be removed, nothing is changed.
      manifest.remove();
      if (!isUnsaved)
        logger.warn("The manifest cannot be written; enforcement goes on, a restart counts anew", {
          error,
        });
      isUnsaved = true;
    }
  };

  const sweep = (generation: Generation) => {
    const rules = [...installed.values()].flatMap(allRules);
    state.rules.keepOnly(new Set(rules.map(({ id }) => id)));
    state.hits.keepOnly(new Set(rules.map(({ id }) => id)));
    state.counters.keepOnly(new Set(rules.flatMap(({ counters }) => counters)));
    state.budgets.keepOnly(new Set([...installed.values()].map(({ budget }) => budget)));
    state.sets.keepOnly(new Set(generation.sets));
    state.follow.keepOnly(new Set(generation.followed));
    kernel.unfollowAllBut(new Set(generation.followed));
    kernel.removeSetsBut(new Set(generation.sets));
  };

  const settle = async (before: Side, generation: Generation): Promise<void> => {
    await kernel.waitForReaders();
    state.hits.fold(before);
    state.past.close();
    sweep(generation);
    save(installed, groups, generation.side);
    clearTimeout(detaching);
    detaching = setTimeout(detachUnused, detachUnusedAfterMs).unref();
  };

  const detachUnused = () => {
    const used = new Set([...installed.values()].flatMap(allRules).map(({ hookId }) => hookId));
    kernel
      .detachAllBut(used)
      .catch((error: unknown) => logger.warn("Unused hooks cannot be detached", { error }));
  };

  const linkFor = (next: Installed, inGroups: Groups, side: Side): Linked =>
    linkGeneration(sorted(next), inGroups, side, {
      sets: state.sets,
      follow: state.follow,
      hostNamespace: kernel.facts.hostNamespace,
    });

  return {
    kernel,
    rules: state.rules,
    counters: state.counters,
    budgets: state.budgets,
    hits: state.hits,
    sets: state.sets,
    past: state.past,
    installed: () => installed,
    groups: () => groups,
    adoptGroups(numbers) {
      const unknown = [...numbers].filter((number) => number !== 0 && !groups.has(number));
      groups = new Map([...groups, ...unknown.map((number) => [number, []] as const)]);
    },
    nextPolicyId: () => state.nextPolicyId++,
    isBegun: () => begun,
    ready: () => grace,
    forgetGroups() {
      groups = new Map();
    },
    check: (next, inGroups) => void linkFor(next, inGroups, kernel.activeSide()),
    advance(next, grouping) {
      if (next === installed && begun && grouping === undefined) return;
      const before = kernel.activeSide();
      const side: Side = before === 0 ? 1 : 0;
      const inGroups = grouping?.groups ?? groups;
      const { generation, tables } = linkFor(next, inGroups, side);
      prepareSets(state, kernel, tables);
      kernel.write(side, tables);
      state.hits.begin(generation);
      state.past.leave([...installed.values()].filter((policy) => isGone(policy, next)));
      save(next, inGroups, side);
      try {
        grouping?.beforeSwitch();
      } catch (error) {
        state.past.leave([]);
        save(installed, groups, before);
        throw error;
      }
      kernel.activate(side);
      installed = next;
      groups = inGroups;
      begun = true;
      grace = settle(before, generation).catch((error: unknown) =>
        logger.error("Old policies cannot be cleared away", { error }),
      );
    },
    async [Symbol.asyncDispose]() {
      await grace;
      clearTimeout(detaching);
    },
  };
}

type State = {
  readonly rules: RuleRegistry;
  readonly counters: NumberPool;
  readonly budgets: NumberPool;
  readonly hits: HitCounter;
  readonly sets: SetInterner;
  readonly follow: FollowBits;
  readonly past: PastCounts;
  nextPolicyId: number;
};

function startState(kernel: PolicyKernel, adopted: Manifest | undefined): State {
  const policies = adopted?.policies ?? [];
  const rules = policies.flatMap(allRules);
  const hits = createHitCounter(kernel.calls, adopted?.hits);
  return {
    rules: createRuleRegistry(adopted?.rules),
    counters: createNumberPool(
      "selectors",
      { first: 0, end: limits.MAX_COUNTS },
      rules.flatMap(({ counters }) => counters),
    ),
    budgets: createNumberPool(
      "policies",
      { first: 0, end: limits.MAX_POLICIES },
      policies.map(({ budget }) => budget),
    ),
    hits,
    past: createPastCounts((policy) => countsOf(policy, { kernel, hits }), adopted?.past),
    sets: createSetInterner(adopted?.sets, kernel.highestSetId() + 1),
    follow: createFollowBits({
      known: adopted?.follow ?? [],
      isCarried: kernel.isFollowBitCarried,
    }),
    nextPolicyId: adopted?.nextPolicyId ?? 1,
  };
}

/** What rows name has to be there before they are. */
function prepareSets({ sets, follow }: State, kernel: PolicyKernel, tables: LinkedTables): void {
  const bits = new Map<number, Followed>(
    [...follow.entries()].filter(([bit]) => tables.followed.has(bit)),
  );
  for (const id of tables.sets) {
    const content = sets.content(id);
    if (content !== undefined) kernel.addSet(id, content);
  }
  kernel.follow(bits);
}

/** Its rules are others now, or there are none. */
function isGone(policy: InstalledPolicy, next: Installed): boolean {
  return next.get(keyText(policy.key))?.budget !== policy.budget;
}

function sorted(policies: Installed): InstalledPolicy[] {
  return [...policies].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, policy]) => policy);
}
