// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  type CompiledHook,
  type CompiledPolicy,
  type EventBudget,
  type Fuse,
  filesOfHooks,
  placesOfHooks,
} from "@gander/policy";
import type { PolicyKernel } from "../kernel/policy-kernel.ts";
import type { Side } from "../kernel/tables/sided-memory.ts";
import { limits } from "../link/abi.gen.ts";
import { featureNames, featuresOf } from "../link/features.ts";
import { createFollowBits, type FollowBits } from "../link/follow-bits.ts";
import type { Groups } from "../link/group-plan.ts";
import { createHostFiles, type HostFiles } from "../link/host-files.ts";
import type { LinkedTables } from "../link/linked-tables.ts";
import { createNumberPool, type NumberPool } from "../link/number-pool.ts";
import { createSetInterner, type SetInterner } from "../link/set-interner.ts";
import { createHitCounter, type HitCounter } from "./counts/hit-counter.ts";
import { createMissCounter, type MissCounter } from "./counts/miss-counter.ts";
import { createPastCounts, type PastCounts } from "./counts/past-counts.ts";
import { countsOf } from "./counts/policy-counts.ts";
import { createEndClock, nextEndMs } from "./exception-ends.ts";
import { type FuseFile, noFuseFile } from "./fuses/fuse-file.ts";
import { Fuses } from "./fuses/fuses.ts";
import { activeRules, allRules, type InstalledPolicy, keyText } from "./installed-policy.ts";
import { type CountedSide, type Linked, linkTables } from "./link-tables.ts";
import type { Manifest } from "./manifest/manifest.ts";
import type { ManifestBody, ManifestKeeper } from "./manifest/manifest-keeper.ts";
import { moveRules, rulesLeftBehind, uncounted } from "./moved-rules.ts";
import { createRuleRegistry, type RuleRegistry } from "./rule-registry.ts";

export type RemarksOn = (policy: InstalledPolicy) => readonly string[];
export type Installed = ReadonlyMap<string, InstalledPolicy>;

type Advance = {
  /** Default: unchanged. */
  readonly grouping?: Grouping;
  /** Only the manifest records this change. */
  readonly mustKeep?: boolean;
  /** Even if nothing else changes: rules have moved to other hooks, and no call is in progress at the old ones. */
  readonly endMoves?: boolean;
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
  /** What else a user should know about a policy in force. */
  readonly remarksOn?: RemarksOn | undefined;
  /** Which fuses are blown; absent: nothing keeps that over a restart but the kernel. */
  readonly fuseFile?: FuseFile | undefined;
};
type Options = {
  readonly kernelId: string;
  readonly detachUnusedAfterMs?: number;
  /** Of policies that have none of their own; absent: they post all. */
  readonly eventBudget?: EventBudget | undefined;
  /** Of policies that have none of their own; absent: none. */
  readonly fuse?: Fuse | undefined;
};

/** The tables in the kernel: all policies in force together, replaced by one write. */
export class KernelTables implements AsyncDisposable {
  readonly kernel: PolicyKernel;
  readonly rules: RuleRegistry;
  readonly counters: NumberPool;
  readonly hits: HitCounter;
  /** Calls that count as hits but could not be evaluated. */
  readonly unevaluated: HitCounter;
  readonly misses: MissCounter;
  readonly sets: SetInterner;
  readonly past: PastCounts;
  readonly files: HostFiles;
  /** By which exceptions end, in milliseconds since 1970. */
  readonly now: () => number = createEndClock();
  readonly fuses: Fuses;
  readonly remarksOn: RemarksOn;
  readonly #follow: FollowBits;
  readonly #manifest: ManifestKeeper;
  readonly #logger: Logger;
  readonly #kernelId: string;
  readonly #detachAfterMs: number;
  readonly #budgets: NumberPool;
  readonly #eventBudget: EventBudget | undefined;
  #installed: Installed;
  #groups: Groups;
  #begun: boolean;
  #nextPolicyId: number;
  /** Until nothing reads the inactive side any more. */
  #grace: Promise<void> = Promise.resolve();
  /** Of the exceptions in the tables. */
  #nextEndMs: number;
  #detaching: NodeJS.Timeout | undefined;
  /** The first call of `detachUnusedLater` since hooks were detached. */
  #unusedSince: number | undefined;

  /** @param adopted the manifest of an earlier sensor with the same programs. */
  constructor(
    { kernel, manifest, logger, remarksOn = () => [], fuseFile = noFuseFile }: Deps,
    options: Options,
    adopted: Manifest | undefined,
  ) {
    const policies = adopted?.policies ?? [];
    const counters = policies.flatMap(allRules).flatMap((rule) => rule.counters);
    const budgets = policies.map(({ budget }) => budget);
    const { MAX_COUNTS, MAX_POLICIES } = limits;
    this.kernel = kernel;
    this.remarksOn = remarksOn;
    this.rules = createRuleRegistry(adopted?.rules, kernel.highestCountingRule() + 1);
    this.counters = createNumberPool(
      "selectors",
      { first: uncounted + 1, end: MAX_COUNTS },
      counters,
    );
    this.#budgets = createNumberPool("policies", { first: 0, end: MAX_POLICIES }, budgets);
    this.#eventBudget = options.eventBudget;
    const fuses = { kernel, file: fuseFile, logger };
    this.fuses = new Fuses(fuses, { standard: options.fuse, adopted: policies });
    this.hits = createHitCounter(kernel.calls, adopted?.hits);
    this.unevaluated = createHitCounter(kernel.unevaluated, adopted?.unevaluated);
    this.misses = createMissCounter((hook) => kernel.missedCalls(hook), adopted?.misses);
    this.past = createPastCounts((policy) => countsOf(policy, this), adopted?.past);
    this.sets = createSetInterner(adopted?.sets, kernel.highestSetId() + 1);
    this.files = createHostFiles((path) => kernel.findFile(path));
    const { isFollowBitCarried: isCarried } = kernel;
    this.#follow = createFollowBits({ known: adopted?.follow ?? [], isCarried });
    this.#manifest = manifest;
    this.#logger = logger;
    this.#kernelId = options.kernelId;
    this.#detachAfterMs = options.detachUnusedAfterMs ?? 60_000;
    this.#installed = new Map(policies.map((policy) => [keyText(policy.key), policy]));
    this.#groups = new Map(adopted?.groups);
    this.#begun = adopted !== undefined && adopted.side === kernel.activeSide();
    this.#nextPolicyId = adopted?.nextPolicyId ?? 1;
    // Those that ended while no sensor was here may still be in the tables.
    this.#nextEndMs = nextEndMs(policies, 0);
    // The options may be others than those of the earlier sensor.
    for (const { budget, compiled } of policies) this.#beginBudget(budget, compiled);
    this.fuses.follow(policies);
  }

  installed(): Installed {
    return this.#installed;
  }

  groups(): Groups {
    return this.#groups;
  }

  /** Adopts groups whose policies are unknown: their pods get only the policies for all pods. */
  adoptGroups(numbers: Iterable<number>): void {
    const unknown = [...numbers].filter((number) => number !== 0 && !this.#groups.has(number));
    this.#groups = new Map([...this.#groups, ...unknown.map((number) => [number, []] as const)]);
  }

  /** A number of its own in the kernel for the policy's event budget, which begins now. */
  takeBudget(compiled: CompiledPolicy): number {
    const number = this.#budgets.take();
    this.#beginBudget(number, compiled);
    return number;
  }

  #beginBudget(number: number, { eventBudget = this.#eventBudget }: CompiledPolicy): void {
    this.kernel.setBudget(number, eventBudget);
  }

  nextPolicyId(): number {
    return this.#nextPolicyId++;
  }

  /** Whether the kernel enforces what `installed` returns; false after a lost manifest. */
  isBegun(): boolean {
    return this.#begun;
  }

  /**
   * Resolves when `advance` may be called: nothing reads the inactive side any more, and the files that
   * policies in force name have been looked up.
   */
  async ready(): Promise<void> {
    await this.files.lookUpNew(filesOf(this.#installed));
    await this.#grace;
  }

  /** Looks up the files of the node that these hooks name. Never waits long. */
  async lookUp(hooks: readonly CompiledHook[]): Promise<void> {
    await Promise.all([
      this.files.lookUp(filesOfHooks(hooks)),
      this.kernel.programs.lookUp(placesOfHooks(hooks)),
    ]);
  }

  /** Checks whether these policies fit together; changes nothing. @throws LinkLimitError */
  check(next: Installed, groups: Groups): void {
    this.#link(next, groups, this.kernel.activeSide());
  }

  /** The tables still have an exception whose time is over. */
  hasEndedExceptions(): boolean {
    return this.now() >= this.#nextEndMs;
  }

  /** Saves the state in force to disk again. */
  save(): void {
    this.#manifest.update(this.#body(this.#installed, this.#groups, this.kernel.activeSide()));
  }

  /** Why a restart would not find the state in force; empty if it would. */
  get unkept(): string {
    return this.#manifest.problem;
  }

  /**
   * Puts these policies in force, all at the same moment. If it throws, nothing has changed.
   * @throws LinkLimitError, BpfError, NotKeptError
   */
  advance(wanted: Installed, { grouping, mustKeep = false, endMoves = false }: Advance = {}): void {
    const isSame = wanted === this.#installed && this.#begun && grouping === undefined;
    const isOutdated = this.files.isStale(filesOf(wanted)) || this.hasEndedExceptions();
    if (isSame && !endMoves && !isOutdated) return;
    const before = this.kernel.activeSide();
    const side: Side = before === 0 ? 1 : 0;
    const groups = grouping?.groups ?? this.#groups;
    const next = moveRules(wanted, this.kernel);
    const left = rulesLeftBehind(this.#installed, next);
    const nowMs = this.now();
    const { counted, tables } = this.#link(next, groups, side, { left, nowMs });
    this.#checkFeatures(tables);
    this.#prepareSets(tables);
    this.kernel.write(side, tables);
    this.#beginCounts(counted, next);
    try {
      const label = this.#manifest.prepare(this.#body(next, groups, side), { mustKeep });
      grouping?.beforeSwitch();
      label();
    } catch (error) {
      this.past.leave([]);
      this.misses.begin([...this.#installed.values()].flatMap(activeRules));
      this.#manifest.update(this.#body(this.#installed, this.#groups, before));
      throw error;
    }
    this.kernel.activate(side);
    this.files.linked(filesOf(next));
    this.#installed = next;
    this.#groups = groups;
    this.#begun = true;
    this.#nextEndMs = nextEndMs(next.values(), nowMs);
    this.fuses.follow([...next.values()]);
    this.#grace = this.#settle(before, counted, left.length > 0).catch((error: unknown) =>
      this.#logger.error("Old policies cannot be cleared away", { error }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#grace;
    clearTimeout(this.#detaching);
    this.fuses[Symbol.dispose]();
    this.#manifest[Symbol.dispose]();
    this.files[Symbol.dispose]();
  }

  #link(
    next: Installed,
    groups: Groups,
    side: Side,
    {
      left = [],
      nowMs = this.now(),
    }: { readonly left?: readonly InstalledPolicy[]; readonly nowMs?: number } = {},
  ): Linked {
    return linkTables([...sorted(next), ...left], groups, side, {
      nowMs,
      sets: this.sets,
      follow: this.#follow,
      fileIdentity: this.files.identity,
      hostNamespace: this.kernel.facts.hostNamespace,
    });
  }

  /** A program without what its rules need would take the safe side for each call. @throws Error */
  #checkFeatures(tables: LinkedTables): void {
    for (const [hook, needed] of featuresOf(tables)) {
      const lacking = featureNames(needed & this.kernel.lacks(hook));
      if (lacking.length > 0) throw new Error(`hook ${hook} lacks ${lacking.join(", ")}`);
    }
  }

  /** Everything that rows name must exist before they do. */
  #prepareSets({ sets, followed, remembered, conditions }: LinkedTables): void {
    for (const id of sets) {
      const content = this.sets.content(id);
      if (content !== undefined) this.kernel.addSet(id, content);
    }
    // First, so that the marks of parents that are followed are kept as well.
    this.kernel.remember(remembered);
    this.kernel.countBy(conditions);
    const bits = [...this.#follow.entries()].filter(([bit]) => followed.has(bit));
    this.kernel.follow(new Map(bits));
  }

  #beginCounts(counted: CountedSide, next: Installed): void {
    this.hits.begin(counted);
    this.unevaluated.begin(counted);
    this.misses.begin([...next.values()].flatMap(activeRules));
    this.past.leave([...this.#installed.values()].filter((policy) => isGone(policy, next)));
  }

  async #settle(before: Side, counted: CountedSide, hasMoved: boolean): Promise<void> {
    await this.kernel.waitForReaders();
    this.hits.fold(before);
    this.unevaluated.fold(before);
    this.past.close();
    this.#sweep(counted);
    await this.kernel.releaseUnused();
    this.#manifest.update(this.#body(this.#installed, this.#groups, counted.side));
    this.detachUnusedLater();
    if (!hasMoved) return;
    this.advance(this.#installed, { endMoves: true });
    await this.#grace;
  }

  /** Not while policies that will use them are being prepared, but at some time: there is room for few. */
  detachUnusedLater(): void {
    const now = performance.now();
    this.#unusedSince ??= now;
    const latest = this.#unusedSince + 2 * this.#detachAfterMs;
    const waitMs = Math.max(0, Math.min(this.#detachAfterMs, latest - now));
    clearTimeout(this.#detaching);
    this.#detaching = setTimeout(() => this.#detachUnused(), waitMs).unref();
  }

  #sweep(counted: CountedSide): void {
    const policies = [...this.#installed.values()];
    const rules = policies.flatMap(allRules);
    const ids = new Set(rules.map(({ id }) => id));
    for (const part of [this.rules, this.hits, this.unevaluated, this.misses]) part.keepOnly(ids);
    this.counters.keepOnly(new Set(rules.flatMap(({ counters }) => counters)));
    this.#budgets.keepOnly(new Set(policies.map(({ budget }) => budget)));
    this.fuses.keepOnly(policies);
    const [sets, followed] = [new Set(counted.sets), new Set(counted.followed)];
    this.sets.keepOnly(sets);
    this.#follow.keepOnly(followed);
    this.kernel.unfollowAllBut(followed);
    this.kernel.rememberOnly(new Set(counted.remembered));
    this.kernel.countOnlyBy(new Set(counted.conditions));
    this.kernel.removeSetsBut(sets);
    this.files.keepOnly(filesOf(this.#installed));
    this.kernel.programs.keepOnly(
      new Set(placesOfHooks(hooksOf(this.#installed)).map(({ path }) => path)),
    );
  }

  #detachUnused(): void {
    this.#unusedSince = undefined;
    const rules = [...this.#installed.values()].flatMap(allRules);
    this.kernel
      .detachAllBut(new Set(rules.map(({ hookId }) => hookId)))
      .catch((error: unknown) => this.#logger.warn("Unused hooks cannot be detached", { error }));
  }

  #body(policies: Installed, groups: Groups, side: Side): ManifestBody {
    return {
      kernelId: this.#kernelId,
      side,
      nextPolicyId: this.#nextPolicyId,
      policies: [...policies.values()],
      rules: [...this.rules.entries()],
      hits: this.hits.snapshot(),
      unevaluated: this.unevaluated.snapshot(),
      misses: this.misses.snapshot(),
      sets: [...this.sets.entries()],
      follow: [...this.#follow.entries()],
      groups: [...groups],
      past: this.past.snapshot(),
    };
  }
}

/** The policy has other rules now, or none. */
function isGone(policy: InstalledPolicy, next: Installed): boolean {
  return next.get(keyText(policy.key))?.budget !== policy.budget;
}

/** Paths of all files that these policies select by `identity: file`. */
export function filesOf(policies: Installed): ReadonlySet<string> {
  return filesOfHooks(hooksOf(policies));
}

export function hooksOf(policies: Installed): readonly CompiledHook[] {
  return [...policies.values()].flatMap(({ hooks }) => hooks.map(({ hook }) => hook));
}

/** A new policy comes after all others: their rules keep their places, and nearly all that tables hold stays. */
function sorted(policies: Installed): InstalledPolicy[] {
  return [...policies.values()].sort((a, b) => a.id - b.id);
}
