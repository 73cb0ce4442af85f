// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { Condition } from "@gander/crd-schemas";
import { apiVersions, messageLimit } from "@gander/crd-schemas";
import {
  type Again,
  createEventRecorder,
  createReflector,
  type EventRecorder,
  type KubeClient,
  type KubeObject,
  type Reflector,
  type ReflectorTiming,
  WorkQueue,
} from "@gander/kube";
import type { PolicyObject } from "../api/policy-catalog.ts";
import type { OperatorPart } from "../operator-part.ts";
import type { PolicyRollout, PolicyRollouts } from "../policies/policy-rollouts.ts";
import type { Leading } from "../policies/revision-keeper.ts";
import { hasBlownFuse } from "../sensors/rollout-state.ts";
import type { WritableFleetView } from "./create-fleet-view.ts";
import type { FleetPolicy } from "./fleet-view.ts";
import { fuseReason } from "./policy-state.ts";
import { type PolicyStatuses, policyStatuses } from "./policy-status-objects.ts";
import { createStatusApi, rollUpKinds, type StatusApi } from "./status-api.ts";
import { cutText } from "./status-text.ts";
import { defaultPace, type Pace, type Shown, writeDelayMs } from "./write-pace.ts";

type StatusKeeperDeps = Leading & {
  readonly client: KubeClient;
  readonly logger: Logger;
  /** Distinguishes replicas in Events. */
  readonly instance: string;
  readonly rollouts: PolicyRollouts;
  readonly fleet: WritableFleetView;
};

export type StatusKeeperOptions = {
  readonly pace?: Partial<Pace>;
  /** How often to check all policies, for changes without notification, such as counts; 10,000 if absent. */
  readonly sweepMs?: number;
  /** How long after a term begins disconnected nodes may still reconnect; 20,000 if absent. */
  readonly settleMs?: number;
  readonly timing?: Partial<ReflectorTiming>;
};

/** The part of a PolicyStatus that is stored. */
type WatchedRollUp = { readonly uid: string; readonly status: unknown };

type Written = Shown & { readonly uid: string; readonly atMs: number };

/** Writes the status of policies: on the leader, where it changed, and at a limited rate. */
export function createStatusKeeper(
  deps: StatusKeeperDeps,
  options?: StatusKeeperOptions,
): OperatorPart {
  const keeper = new StatusKeeper(deps, options);
  return { name: "status", run: (limits) => keeper.run(limits) };
}

class StatusKeeper {
  readonly #deps: StatusKeeperDeps;
  readonly #pace: Pace;
  readonly #options: { readonly sweepMs: number; readonly settleMs: number };
  readonly #api: StatusApi;
  readonly #events: EventRecorder;
  readonly #queue: WorkQueue;
  /** By kind of policy; kinds of one scope have one. */
  readonly #rollUps: ReadonlyMap<PolicyObject["kind"], Reflector<WatchedRollUp>>;
  /** By key, like all that follow: if a policy takes another's name, it is handled after that one. */
  readonly #uids = new Map<string, string>();
  readonly #written = new Map<string, Written>();
  readonly #keys = new Map<string, string>();
  /** UIDs of policies whose status says that their fuse is blown, or said so last. */
  readonly #blown = new Set<string>();
  #term = 0;
  #termBeganMs = 0;

  constructor(deps: StatusKeeperDeps, options: StatusKeeperOptions = {}) {
    const { pace, sweepMs = 10_000, settleMs = 20_000, timing = {} } = options;
    const { client, logger, permit, instance } = deps;
    this.#deps = deps;
    this.#pace = { ...defaultPace, ...pace };
    this.#options = { sweepMs, settleMs };
    this.#api = createStatusApi(client, logger);
    this.#events = createEventRecorder(
      { client, logger },
      { controller: "gander.dev/operator", instance, permit },
    );
    this.#queue = new WorkQueue((key) => this.#keep(key), {
      onFailure: ({ key, error, failures, delayMs }) =>
        logger.warn("Status of a policy cannot be written", { key, error, failures, delayMs }),
    });
    this.#rollUps = new Map(
      rollUpKinds.flatMap((kind) => {
        const watch = this.#watch(kind, timing);
        return kind.policyKinds.map((of) => [of, watch] as const);
      }),
    );
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { rollouts, fleet, onElected } = this.#deps;
    for (const uid of rollouts.uids()) this.#note(uid);
    using _rollouts = rollouts.onChange((uid) => this.#note(uid));
    using _fleet = fleet.onChange((uid) => this.#noteAnswers(uid));
    const sweep = setInterval(() => this.#lookAtAll(), this.#options.sweepMs);
    using _elected = onElected(({ term }) => this.#beginTerm(term));
    try {
      const watches = [...new Set(this.#rollUps.values())].map((watch) => watch.run({ signal }));
      await Promise.all([...watches, this.#queue.run({ signal }), this.#events.run({ signal })]);
    } finally {
      clearInterval(sweep);
    }
  }

  #watch(
    { policyKinds, ...resource }: (typeof rollUpKinds)[number],
    timing: Partial<ReflectorTiming>,
  ): Reflector<WatchedRollUp> {
    return createReflector<WatchedRollUp, KubeObject & { readonly status?: unknown }>(this.#deps, {
      resource,
      timing,
      project: ({ metadata, status }) => ({ uid: metadata.uid, status }),
      onChange: (change) => {
        const keys = policyKinds.map((kind) => `${kind} ${change.key}`);
        // It was deleted by another client: write it again.
        if (change.type === "deleted") for (const key of keys) this.#written.delete(key);
        // Ignores our own writes.
        if (change.type === "deleted") for (const key of keys) this.#queue.add(key);
        else this.#lookAtOwner(policyKinds, change.key);
      },
    });
  }

  #note(uid: string): void {
    const policy = this.#deps.rollouts.of(uid)?.policy;
    const key = policy === undefined ? this.#keys.get(uid) : keyOf(policy);
    if (key === undefined) return;
    if (policy !== undefined) {
      this.#keys.set(uid, key);
      this.#uids.set(key, uid);
      // By then most nodes have answered: one write instead of two.
      this.#queue.addAfter(key, gatherMs);
      return;
    }
    this.#keys.delete(uid);
    this.#events.forget(uid);
    this.#blown.delete(uid);
    if (this.#uids.get(key) === uid) this.#uids.delete(key);
    this.#queue.add(key);
  }

  /** Answers arrive by the thousand: gather them until the next write is allowed. */
  #noteAnswers(uid: string): void {
    const key = this.#keys.get(uid);
    if (key === undefined) return;
    const written = this.#written.get(key);
    const dueMs = written === undefined ? 0 : written.atMs + this.#pace.changeMs;
    this.#queue.addAfter(key, Math.max(gatherMs, dueMs - performance.now()));
  }

  #lookAtAll(): void {
    for (const key of this.#uids.keys()) this.#queue.add(key);
    for (const { policyKinds } of rollUpKinds) {
      const store = policyKinds[0] && this.#rollUps.get(policyKinds[0])?.store;
      for (const name of store?.keys() ?? []) this.#lookAtOwner(policyKinds, name);
    }
  }

  /** Without a policy of that name the PolicyStatus goes, of whatever kind the policy was. */
  #lookAtOwner(kinds: readonly PolicyObject["kind"][], name: string): void {
    const keys = kinds.map((kind) => `${kind} ${name}`);
    if (keys.some((key) => this.#uids.has(key))) return;
    this.#queue.add(keys[0] ?? "");
  }

  #beginTerm(term: number): void {
    this.#term = term;
    // Another replica may have written in between.
    this.#written.clear();
    this.#termBeganMs = performance.now();
    for (const [, uid] of this.#uids) {
      const shown = readyReason(this.#deps.rollouts.of(uid)?.policy.status);
      if (shown !== undefined) this.#events.know(uid, "Ready", shown);
    }
    this.#lookAtAll();
  }

  async #keep(key: string): Promise<undefined | Again> {
    const { permit: getPermit, isClusterRead, rollouts, fleet } = this.#deps;
    const permit = getPermit();
    if (permit === undefined || permit.term !== this.#term) return undefined;
    const [kind = "", name = ""] = key.split(" ");
    const watch = this.#rollUps.get(kind as PolicyObject["kind"]);
    if (watch?.state().synced !== true || !isClusterRead()) return { againAfterMs: 200 };
    const uid = this.#uids.get(key);
    const rollout = uid === undefined ? undefined : rollouts.of(uid);
    if (uid === undefined || rollout === undefined) {
      this.#written.delete(key);
      await this.#api.remove({ kind: kind as PolicyObject["kind"], key: name, permit });
      return undefined;
    }
    const { policy } = rollout;
    const before = this.#written.get(key);
    const written = before?.uid === uid ? before : undefined;
    const shown = written ?? { policy: policy.status, rollUp: watch.store.get(name)?.status };
    if (readyReason(shown.policy) === fuseReason) {
      this.#blown.add(uid);
      this.#events.know(uid, "Fuse", fuseReason);
    }
    const found = fleet.of(uid);
    const nowMs = performance.now();
    const settlesInMs = this.#termBeganMs + this.#options.settleMs - nowMs;
    // Only a predecessor's status: it knew more than a replica that has just started.
    const isInherited = written === undefined && settlesInMs > 0;
    if (isInherited && mayComeBack(rollout, found)) return { againAfterMs: settlesInMs };
    const next = policyStatuses({
      rollout,
      fleet: found,
      shown: conditionsShown(shown.policy) ?? conditionsShown(shown.rollUp) ?? [],
      now: new Date(),
    });
    const times = { writtenMs: written?.atMs, nowMs, pace: this.#pace };
    const delayMs = writeDelayMs(shown, next, times);
    if (delayMs === undefined) return undefined;
    if (delayMs > 0) return { againAfterMs: delayMs };
    await this.#api.write({ policy, statuses: next, permit });
    this.#written.set(key, { ...next, uid, atMs: nowMs });
    this.#record(policy, next, found);
    return undefined;
  }

  #record(
    { kind, uid, name, namespace }: PolicyObject,
    { policy }: PolicyStatuses,
    fleet: FleetPolicy | undefined,
  ): void {
    const conditions = policy.conditions ?? [];
    const ready = conditions.find(({ type }) => type === "Ready");
    if (ready === undefined) return;
    const isStalled = conditions.some(
      ({ type, status }) => type === "Stalled" && status === "True",
    );
    const regarding = {
      ...{ apiVersion: apiVersions[kind], kind, name, uid },
      ...(namespace === "" ? {} : { namespace }),
    };
    this.#events.record({
      regarding,
      aspect: "Ready",
      type: isStalled ? "Warning" : "Normal",
      reason: ready.reason,
      action: "RollOut",
      note: cutText(ready.message, messageLimit),
    });
    this.#recordFuse(regarding, ready, fleet);
  }

  /** Whether it is armed again shows only when all its nodes have answered. */
  #recordFuse(
    regarding: Parameters<EventRecorder["record"]>[0]["regarding"],
    { reason }: Pick<Condition, "reason">,
    fleet: FleetPolicy | undefined,
  ): void {
    const { uid } = regarding;
    if (reason === fuseReason) return;
    const { pending = 0, disconnected = 0 } = fleet?.states ?? {};
    if (pending + disconnected > 0 || fleet?.worst.some(hasBlownFuse) || !this.#blown.delete(uid))
      return;
    this.#events.record({
      ...{ regarding, aspect: "Fuse", type: "Normal", reason: "FuseRearmed", action: "Rearm" },
      note: "The fuse is blown on no node any more: the policy enforces on all of its nodes",
    });
  }
}

const gatherMs = 500;

const keyOf = ({ kind, namespace, name }: PolicyObject) =>
  `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;

/** The status describes this generation, and only nodes not back yet, or sets not read, would make it worse. */
function mayComeBack(
  { policy: { status, generation }, setTroubles }: PolicyRollout,
  fleet: FleetPolicy | undefined,
): boolean {
  const isOfThis =
    typeof status === "object" &&
    status !== null &&
    "observedGeneration" in status &&
    status.observedGeneration === generation;
  const missing = (fleet?.states.disconnected ?? 0) + (fleet?.states.pending ?? 0);
  const isUnread = setTroubles.some(({ state }) => state === "unread");
  return isOfThis && (missing > 0 || fleet?.nodes === 0 || isUnread);
}

function conditionsShown(status: unknown): readonly Condition[] | undefined {
  if (typeof status !== "object" || status === null || !("conditions" in status)) return undefined;
  const { conditions } = status;
  return Array.isArray(conditions) ? conditions : undefined;
}

const readyReason = (status: unknown) =>
  conditionsShown(status)?.find(({ type }) => type === "Ready")?.reason;
