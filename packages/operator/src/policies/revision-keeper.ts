// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  type Again,
  applyObject,
  createReflector,
  deleteObject,
  type KubeClient,
  KubeError,
  type KubeObject,
  type Reflector,
  type ReflectorTiming,
  resourcePath,
  WorkQueue,
  type WritePermit,
} from "@gander/kube";
import { policyKinds } from "../api/cluster-resources.ts";
import type { PolicyCatalog } from "../api/policy-catalog.ts";
import type { OnElected, OperatorPart } from "../operator-part.ts";
import { hasBlownFuse } from "../sensors/rollout-state.ts";
import type { WritableFleetView } from "../status/create-fleet-view.ts";
import type { Resolver } from "../workloads/resolver.ts";
import type { KnownRevision } from "./known-revisions.ts";
import type { PolicyRollout, PolicyRollouts } from "./policy-rollouts.ts";
import {
  controllerRevisions,
  type PolicyName,
  readRevision,
  revisionObject,
  revisionSelector,
  type StoredRevision,
} from "./revision-object.ts";
import { type RolloutProgress, sameProgress } from "./rollout-progress.ts";
import { type CanaryState, type RolloutStep, stepRollout } from "./rollout-step.ts";

/** The parts of leader election that writers need. */
export type Leading = {
  /** Permission to write now, if this replica has it. */
  readonly permit: () => WritePermit | undefined;
  readonly onElected: OnElected;
  /** True once the nodes of a policy can be determined. */
  readonly isClusterRead: () => boolean;
};

type RevisionKeeperDeps = Leading & {
  readonly client: KubeClient;
  readonly logger: Logger;
  /** The operator's own. */
  readonly namespace: string;
  readonly catalog: PolicyCatalog;
  readonly resolver: Pick<Resolver, "nodesFor">;
  readonly rollouts: PolicyRollouts;
  readonly fleet: WritableFleetView;
};

export type RevisionKeeperOptions = {
  /** Revisions kept per policy; 10 if absent. */
  readonly revisionsKept?: number;
  /** How long after a term begins disconnected sensors may still reconnect; 20,000 if absent. */
  readonly settleMs?: number;
  readonly timing?: Partial<ReflectorTiming>;
  readonly now?: () => number;
};

export const operatorFieldManager = "gander-operator";

/**
 * Follows the ControllerRevisions of policies, on every replica; the leader writes them: one for each
 * accepted generation, with its progress.
 */
export function createRevisionKeeper(
  deps: RevisionKeeperDeps,
  options?: RevisionKeeperOptions,
): Required<OperatorPart> {
  const keeper = new RevisionKeeper(deps, options);
  return {
    name: "revisions",
    run: (limits) => keeper.run(limits),
    whenReady: (limits) => keeper.whenReady(limits),
    problem: () => keeper.problem(),
  };
}

class RevisionKeeper {
  readonly #deps: RevisionKeeperDeps;
  readonly #options: Required<Omit<RevisionKeeperOptions, "timing">>;
  readonly #watch: Reflector<StoredRevision>;
  readonly #queue: WorkQueue;
  #termBeganMs = 0;

  constructor(deps: RevisionKeeperDeps, options: RevisionKeeperOptions = {}) {
    const { revisionsKept = 10, settleMs = 20_000, now = Date.now, timing } = options;
    const { client, logger, namespace, rollouts } = deps;
    this.#deps = deps;
    this.#options = { revisionsKept, settleMs, now };
    this.#watch = createReflector<StoredRevision, KubeObject>(
      { client, logger },
      {
        resource: controllerRevisions,
        selection: { labelSelector: revisionSelector },
        project: (raw) => readRevision(raw, namespace),
        ...(timing && { timing }),
        onChange: (change) => {
          const revision = change.type === "deleted" ? change.previous : change.value;
          if (change.type === "deleted") rollouts.known.drop(revision);
          else rollouts.known.store(revision);
          rollouts.update(revision.policy.uid);
          this.#queue.add(revision.policy.uid);
        },
      },
    );
    this.#queue = new WorkQueue((uid) => this.#keep(uid), {
      onFailure: ({ key, error, failures, delayMs }) =>
        logger.warn("Revisions of a policy cannot be written", { key, error, failures, delayMs }),
    });
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { rollouts, fleet, onElected } = this.#deps;
    using _rollouts = rollouts.onChange((uid) => this.#queue.add(uid));
    // Answers matter only to a canary, and arrive by the thousand.
    using _fleet = fleet.onChange((uid) => {
      if (rollouts.of(uid)?.phase === "canary") this.#queue.addAfter(uid, 200);
    });
    using _elected = onElected(() => {
      this.#termBeganMs = performance.now();
      this.#lookAtAll();
    });
    void this.whenReady({ signal }).then((isSynced) => {
      if (isSynced) this.#lookAtAll();
    });
    await Promise.all([this.#watch.run({ signal }), this.#queue.run({ signal })]);
  }

  async whenReady(options: { readonly signal: AbortSignal }): Promise<boolean> {
    const isSynced = await this.#watch.whenSynced(options);
    if (isSynced) this.#deps.rollouts.start();
    return isSynced;
  }

  problem(): string | undefined {
    const { synced, lastError } = this.#watch.state();
    if (synced) return undefined;
    return `revisions of policies are not read yet${lastError ? `: ${lastError.message}` : ""}`;
  }

  #lookAtAll(): void {
    const { catalog, rollouts } = this.#deps;
    for (const { uid } of catalog.all()) this.#queue.add(uid);
    for (const uid of rollouts.known.policies()) this.#queue.add(uid);
  }

  async #keep(uid: string): Promise<undefined | Again> {
    const { permit: getPermit, isClusterRead, catalog, rollouts } = this.#deps;
    const permit = getPermit();
    if (permit === undefined) return undefined;
    // Without all nodes, a canary would choose from too few, or find none and skip the trial.
    if (!this.#watch.state().synced || !isClusterRead()) return { againAfterMs: 500 };
    const rollout = rollouts.of(uid);
    const known = rollouts.known.of(uid);
    if (rollout === undefined) {
      if (catalog.get(uid) === undefined) await this.#deleteAll(known, permit);
      return undefined;
    }
    const { generation } = rollout.policy;
    const step = this.#step(rollout);
    const settlesInMs = this.#termBeganMs + this.#options.settleMs - performance.now();
    if (settlesInMs > 0 && this.#onlyMissesSensors(rollout, step))
      return { againAfterMs: settlesInMs };
    for (const revision of known) {
      const isNewest = revision.generation === generation;
      const progress = isNewest && step !== undefined ? step.progress : revision.progress;
      if (revision.stored !== undefined && sameProgress(revision.stored.progress, progress))
        continue;
      await this.#write(revision, progress, permit);
    }
    await this.#prune(rollout, known, permit);
    return step?.againAfterMs === undefined ? undefined : { againAfterMs: step.againAfterMs };
  }

  #step(rollout: PolicyRollout): RolloutStep | undefined {
    const { policy, newest, phase, progress, settings } = rollout;
    if (newest === undefined) return undefined;
    const { resolver, fleet } = this.#deps;
    return stepRollout({
      uid: policy.uid,
      phase,
      progress,
      settings,
      candidates: () =>
        new Map([...resolver.nodesFor(newest)].map((node) => [node, fleet.isConnected(node)])),
      canary: canaryState(fleet, policy.uid, policy.generation),
      nowMs: this.#options.now(),
    });
  }

  /** A canary's time would start again, only because its sensors haven't reconnected yet. */
  #onlyMissesSensors({ policy, progress }: PolicyRollout, step: RolloutStep | undefined): boolean {
    const wasClean = progress?.phase === "canary" && progress.cleanSince !== undefined;
    const isClean = step?.progress?.phase !== "canary" || step.progress.cleanSince !== undefined;
    const state = canaryState(this.#deps.fleet, policy.uid, policy.generation);
    return wasClean && !isClean && state?.bad === 0;
  }

  async #write(
    { content }: KnownRevision,
    progress: RolloutProgress | undefined,
    permit: WritePermit,
  ): Promise<void> {
    const { client, namespace } = this.#deps;
    const object = revisionObject({ ...content, progress }, namespace);
    await applyObject(client, controllerRevisions, object, {
      permit,
      fieldManager: operatorFieldManager,
      onConflict: "take",
    });
  }

  /** Revisions that nodes have are kept, however old. */
  async #prune(
    { shares }: PolicyRollout,
    known: readonly KnownRevision[],
    permit: WritePermit,
  ): Promise<void> {
    const used = new Set(shares.map(({ revision }) => revision.generation));
    const stored = known.flatMap((one) => one.stored ?? []);
    for (const revision of stored.slice(this.#options.revisionsKept))
      if (!used.has(revision.generation)) await this.#delete(revision, permit);
  }

  /** Most clusters collect an owner's dependants; this deletes them in any cluster. */
  async #deleteAll(known: readonly KnownRevision[], permit: WritePermit): Promise<void> {
    const stored = known.flatMap((one) => one.stored ?? []);
    const [one] = stored;
    if (one === undefined || (await policyExists(this.#deps.client, one.policy))) return;
    for (const revision of stored) await this.#delete(revision, permit);
  }

  async #delete({ namespace, name, uid }: StoredRevision, permit: WritePermit): Promise<void> {
    const { client } = this.#deps;
    await deleteObject(client, controllerRevisions, { namespace, name, uid }, { permit });
  }
}

/** Checked before dependants are deleted: a watch may lag, and history can't be restored. */
export async function policyExists(
  client: KubeClient,
  { kind, uid, name, namespace }: PolicyName,
): Promise<boolean> {
  const resource = policyKinds.find((one) => one.kind === kind);
  if (resource === undefined) throw new TypeError(`no kind ${kind}`);
  const place = namespace === "" ? { name } : { namespace, name };
  try {
    const found = await client.get<KubeObject>({
      task: `get ${resource.plural} "${name}"`,
      path: resourcePath(resource, place),
    });
    return found.metadata.uid === uid;
  } catch (error) {
    if (error instanceof KubeError && error.code === "kube-not-found") return false;
    throw error;
  }
}

function canaryState(
  fleet: WritableFleetView,
  uid: string,
  generation: number,
): CanaryState | undefined {
  const policy = fleet.of(uid);
  const found = policy?.revisions.find((one) => one.generation === generation);
  if (found === undefined) return undefined;
  const { nodes, ready, states } = found;
  const blown = policy?.worst.some(hasBlownFuse) ? 1 : 0;
  const bad = states.refused + states.failed + states.unsupported + blown;
  return { nodes, ready, pending: states.pending, bad };
}
