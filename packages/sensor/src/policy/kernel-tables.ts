// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { filesOfHooks } from "@gander/policy";
import type { PolicyKernel } from "../kernel/policy-kernel.ts";
import type { Side } from "../kernel/tables/table-writer.ts";
import { limits } from "../link/abi.gen.ts";
import { createFollowBits, type FollowBits, type Followed } from "../link/follow-bits.ts";
import type { Groups } from "../link/group-plan.ts";
import { createHostFiles, type HostFiles } from "../link/host-files.ts";
import type { LinkedTables } from "../link/linked-tables.ts";
import { createNumberPool, type NumberPool } from "../link/number-pool.ts";
import { createSetInterner, type SetInterner } from "../link/set-interner.ts";
import { createHitCounter, type HitCounter } from "./counts/hit-counter.ts";
import { createMissCounter, type MissCounter } from "./counts/miss-counter.ts";
import { createPastCounts, type PastCounts } from "./counts/past-counts.ts";
import { countsOf } from "./counts/policy-counts.ts";
import { activeRules, allRules, type InstalledPolicy, keyText } from "./installed-policy.ts";
import { type CountedSide, type Linked, linkTables } from "./link-tables.ts";
import type { Manifest } from "./manifest/manifest.ts";
import type { ManifestBody, ManifestKeeper } from "./manifest/manifest-keeper.ts";
import { createRuleRegistry, type RuleRegistry } from "./rule-registry.ts";

export type Installed = ReadonlyMap<string, InstalledPolicy>;

/** The tables in the kernel: all policies in force together, replaced by one write. */
export interface KernelTables extends AsyncDisposable {
  readonly kernel: PolicyKernel;
  readonly rules: RuleRegistry;
  readonly counters: NumberPool;
  readonly budgets: NumberPool;
  readonly hits: HitCounter;
  /** Calls that count as hits but could not be evaluated. */
  readonly unevaluated: HitCounter;
  readonly misses: MissCounter;
  readonly sets: SetInterner;
  readonly past: PastCounts;
  readonly files: HostFiles;
  installed(): Installed;
  groups(): Groups;
  /** Adopts groups whose policies are unknown: their pods get only the policies for all pods. */
  adoptGroups(numbers: Iterable<number>): void;
  /** No group contains a cgroup any more. */
  forgetGroups(): void;
  nextPolicyId(): number;
  /** Whether the kernel enforces what `installed` returns; false after a lost manifest. */
  isBegun(): boolean;
  /**
   * Resolves when `advance` may be called: nothing reads the inactive side any more, and the files that
   * policies in force name have been looked up.
   */
  ready(): Promise<void>;
  /** Checks whether these policies fit together; changes nothing. @throws LinkLimitError */
  check(next: Installed, groups: Groups): void;
  /**
   * Puts these policies in force, all at the same moment. If it throws, nothing has changed.
   * @throws LinkLimitError, BpfError, NotKeptError
   */
  advance(next: Installed, how?: Advance): void;
  /** Saves the state in force to disk again. */
  save(): void;
  /** Why a restart would not find the state in force; empty if it would. */
  readonly unkept: string;
}

type Advance = {
  /** Default: unchanged. */
  readonly grouping?: Grouping;
  /** Only the manifest records this change. */
  readonly mustKeep?: boolean;
};

type Grouping = {
  readonly groups: Groups;
  /** Called when everything is written, right before the switch. */
  readonly beforeSwitch: () => void;
};

type Deps = {
  readonly kernel: PolicyKernel;
  readonly manifest: ManifestKeeper;
  readonly logger: Logger;
};
type Options = { readonly kernelId: string; readonly detachUnusedAfterMs?: number };

const defaultDetachAfterMs = 60_000;

/** @param adopted the manifest of an earlier sensor with the same programs. */
export function createKernelTables(
  { kernel, manifest, logger }: Deps,
  options: Options,
  adopted: Manifest | undefined,
): KernelTables {
  const { kernelId, detachUnusedAfterMs = defaultDetachAfterMs } = options;
  const state = startState(kernel, adopted);
  const files = createHostFiles((path) => kernel.findFile(path));
  let installed: Installed = new Map(
    adopted?.policies.map((policy) => [keyText(policy.key), policy]),
  );
  let begun = adopted !== undefined && adopted.side === kernel.activeSide();
  let groups: Groups = new Map(adopted?.groups);
  let grace: Promise<void> = Promise.resolve();
  let detaching: NodeJS.Timeout | undefined;

  const bodyOf = (policies: Installed, inGroups: Groups, side: Side): ManifestBody => ({
    kernelId,
    side,
    nextPolicyId: state.nextPolicyId,
    policies: [...policies.values()],
    rules: [...state.rules.entries()],
    hits: state.hits.snapshot(),
    unevaluated: state.unevaluated.snapshot(),
    misses: state.misses.snapshot(),
    sets: [...state.sets.entries()],
    follow: [...state.follow.entries()],
    groups: [...inGroups],
    past: state.past.snapshot(),
  });

  const sweep = (counted: CountedSide) => {
    const rules = [...installed.values()].flatMap(allRules);
    const ids = new Set(rules.map(({ id }) => id));
    for (const part of [state.rules, state.hits, state.unevaluated, state.misses])
      part.keepOnly(ids);
    state.counters.keepOnly(new Set(rules.flatMap(({ counters }) => counters)));
    state.budgets.keepOnly(new Set([...installed.values()].map(({ budget }) => budget)));
    state.sets.keepOnly(new Set(counted.sets));
    state.follow.keepOnly(new Set(counted.followed));
    kernel.unfollowAllBut(new Set(counted.followed));
    kernel.removeSetsBut(new Set(counted.sets));
    files.keepOnly(filesOf(installed));
  };

  const settle = async (before: Side, counted: CountedSide): Promise<void> => {
    await kernel.waitForReaders();
    state.hits.fold(before);
    state.unevaluated.fold(before);
    state.past.close();
    sweep(counted);
    manifest.update(bodyOf(installed, groups, counted.side));
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
    linkTables(sorted(next), inGroups, side, {
      sets: state.sets,
      follow: state.follow,
      fileIdentity: files.identity,
      hostNamespace: kernel.facts.hostNamespace,
    });

  return {
    kernel,
    rules: state.rules,
    counters: state.counters,
    budgets: state.budgets,
    hits: state.hits,
    unevaluated: state.unevaluated,
    misses: state.misses,
    sets: state.sets,
    past: state.past,
    files,
    installed: () => installed,
    groups: () => groups,
    adoptGroups(numbers) {
      const unknown = [...numbers].filter((number) => number !== 0 && !groups.has(number));
      groups = new Map([...groups, ...unknown.map((number) => [number, []] as const)]);
    },
    nextPolicyId: () => state.nextPolicyId++,
    isBegun: () => begun,
    async ready() {
      await files.lookUpNew(filesOf(installed));
      await grace;
    },
    forgetGroups() {
      groups = new Map();
    },
    check: (next, inGroups) => void linkFor(next, inGroups, kernel.activeSide()),
    save: () => manifest.update(bodyOf(installed, groups, kernel.activeSide())),
    get unkept() {
      return manifest.problem;
    },
    advance(next, { grouping, mustKeep = false } = {}) {
      const isSame = next === installed && begun && grouping === undefined;
      if (isSame && !files.isStale(filesOf(next))) return;
      const before = kernel.activeSide();
      const side: Side = before === 0 ? 1 : 0;
      const inGroups = grouping?.groups ?? groups;
      const { counted, tables } = linkFor(next, inGroups, side);
      prepareSets(state, kernel, tables);
      kernel.write(side, tables);
      state.hits.begin(counted);
      state.unevaluated.begin(counted);
      state.misses.begin([...next.values()].flatMap(activeRules));
      state.past.leave([...installed.values()].filter((policy) => isGone(policy, next)));
      try {
        const label = manifest.prepare(bodyOf(next, inGroups, side), { mustKeep });
        grouping?.beforeSwitch();
        label();
      } catch (error) {
        state.past.leave([]);
        state.misses.begin([...installed.values()].flatMap(activeRules));
        manifest.update(bodyOf(installed, groups, before));
        throw error;
      }
      kernel.activate(side);
      files.linked(filesOf(next));
      installed = next;
      groups = inGroups;
      begun = true;
      grace = settle(before, counted).catch((error: unknown) =>
        logger.error("Old policies cannot be cleared away", { error }),
      );
    },
    async [Symbol.asyncDispose]() {
      await grace;
      clearTimeout(detaching);
      manifest[Symbol.dispose]();
      files[Symbol.dispose]();
    },
  };
}

type State = {
  readonly rules: RuleRegistry;
  readonly counters: NumberPool;
  readonly budgets: NumberPool;
  readonly hits: HitCounter;
  readonly unevaluated: HitCounter;
  readonly misses: MissCounter;
  readonly sets: SetInterner;
  readonly follow: FollowBits;
  readonly past: PastCounts;
  nextPolicyId: number;
};

function startState(kernel: PolicyKernel, adopted: Manifest | undefined): State {
  const policies = adopted?.policies ?? [];
  const rules = policies.flatMap(allRules);
  const calls = {
    kernel,
    hits: createHitCounter(kernel.calls, adopted?.hits),
    unevaluated: createHitCounter(kernel.unevaluated, adopted?.unevaluated),
    misses: createMissCounter((hook) => kernel.missedCalls(hook), adopted?.misses),
  };
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
    ...calls,
    past: createPastCounts((policy) => countsOf(policy, calls), adopted?.past),
    sets: createSetInterner(adopted?.sets, kernel.highestSetId() + 1),
    follow: createFollowBits({
      known: adopted?.follow ?? [],
      isCarried: kernel.isFollowBitCarried,
    }),
    nextPolicyId: adopted?.nextPolicyId ?? 1,
  };
}

/** Everything that rows name must exist before they do. */
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

/** The policy has other rules now, or none. */
function isGone(policy: InstalledPolicy, next: Installed): boolean {
  return next.get(keyText(policy.key))?.budget !== policy.budget;
}

/** Paths of all files that these policies select by `identity: file`. */
export function filesOf(policies: Installed): ReadonlySet<string> {
  return new Set(
    [...policies.values()].flatMap(({ hooks }) => [...filesOfHooks(hooks.map(({ hook }) => hook))]),
  );
}

function sorted(policies: Installed): InstalledPolicy[] {
  return [...policies].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, policy]) => policy);
}
