// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { type CompiledPolicy, type ExceptionUse, fuseText } from "@gander/policy";
import { digestOf } from "@gander/policy/content";
import type { PolicyCatalog, PolicyObject, ReadPolicy } from "../api/policy-catalog.ts";
import type { Coalescer } from "../bundles/coalesce.ts";
import type { PolicyContents } from "../bundles/policy-contents.ts";
import { ExceptedPolicies } from "../exceptions/excepted-policies.ts";
import type { ExceptionCatalog } from "../exceptions/exception-catalog.ts";
import type { SetCatalog, SetTrouble } from "../sets/set-catalog.ts";
import type { PolicyShare } from "../workloads/policy-share.ts";
import type { Resolver } from "../workloads/resolver.ts";
import type { PolicyRevision } from "../workloads/workload.ts";
import { type KnownRevision, KnownRevisions } from "./known-revisions.ts";
import { type GenerationShare, planRollout, type RolloutPlan } from "./rollout-plan.ts";
import type { RolloutProgress } from "./rollout-progress.ts";
import { type RolloutDefaults, type RolloutSettings, rolloutSettings } from "./rollout-settings.ts";

type PolicyRolloutsDeps = {
  readonly catalog: PolicyCatalog;
  readonly resolver: Pick<Resolver, "putShares">;
  readonly contents: Pick<PolicyContents, "add" | "release">;
  readonly sets: Pick<SetCatalog, "get" | "trouble" | "want" | "onChange">;
  readonly exceptions: Pick<ExceptionCatalog, "of" | "onChange">;
  /** Nodes whose bundles changed. */
  readonly changes: Pick<Coalescer<string>, "add">;
  readonly logger: Logger;
};

/** The state of the rollout of a policy's newest generation. */
export type PolicyRollout = {
  readonly policy: PolicyObject;
  readonly settings: RolloutSettings;
  readonly phase: RolloutPlan["phase"];
  /** Newest first; empty if no node receives the policy. */
  readonly shares: readonly PolicyShare[];
  /** Mode of the newest generation that nodes receive; of the newest generation if none is sent. */
  readonly mode: CompiledPolicy["mode"] | undefined;
  /** The recorded progress of the newest generation. */
  readonly progress: RolloutProgress | undefined;
  /** The newest generation, if it was accepted. */
  readonly newest: PolicyRevision | undefined;
  /** Of sets that these revisions name; of a policy of a namespace, without details. */
  readonly setTroubles: readonly SetTrouble[];
  /** Of the newest generation that nodes receive; of the newest generation if none is sent. */
  readonly exceptions: readonly ExceptionUse[];
};

/**
 * Decides which nodes get which generation of each policy, and updates the resolver. Every replica decides
 * from the same API objects; nothing here writes.
 */
export class PolicyRollouts implements Disposable {
  readonly known: KnownRevisions = new KnownRevisions();
  readonly #deps: PolicyRolloutsDeps;
  readonly #defaults: RolloutDefaults;
  readonly #rollouts = new Map<string, PolicyRollout>();
  /** Digests of the contents that a policy's nodes receive. */
  readonly #held = new Map<string, readonly string[]>();
  readonly #listeners = new Set<{ readonly call: (uid: string) => void }>();
  readonly #listening: readonly Disposable[];
  readonly #excepted: ExceptedPolicies;
  #isStarted = false;

  constructor(deps: PolicyRolloutsDeps, defaults: RolloutDefaults) {
    this.#deps = deps;
    this.#defaults = defaults;
    this.#excepted = new ExceptedPolicies(deps.exceptions);
    this.#listening = [
      deps.catalog.onChange((uid) => this.update(uid)),
      deps.sets.onChange((name) => this.#updateUsers(name)),
      deps.exceptions.onChange(() => this.#updateExcepted()),
    ];
  }

  /** Policies and stored revisions have been read in full: only now can shares be computed. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const { uid } of this.#deps.catalog.all()) this.update(uid);
  }

  /** Undefined if there is no such policy. */
  of(uid: string): PolicyRollout | undefined {
    return this.#rollouts.get(uid);
  }

  uids(): Iterable<string> {
    return this.#rollouts.keys();
  }

  /** Called in the same turn when a policy or its rollout changes or is deleted. Must not throw or wait. */
  onChange(call: (uid: string) => void): Disposable {
    const listener = { call };
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** The policy or one of its known revisions changed. */
  update(uid: string): void {
    if (!this.#isStarted) return;
    const policy = this.#deps.catalog.get(uid);
    if (policy === undefined) this.#forget(uid);
    else this.#plan(policy);
    for (const { call } of this.#listeners) call(uid);
  }

  [Symbol.dispose](): void {
    for (const listening of this.#listening) listening[Symbol.dispose]();
  }

  /** All in one turn: nodes get the set once, for all its policies. */
  #updateUsers(set: string): void {
    for (const [uid, rollout] of [...this.#rollouts])
      if (setNames(rollout).has(set)) this.update(uid);
  }

  /** All in one turn, as for sets. */
  #updateExcepted(): void {
    for (const [uid, { policy, exceptions }] of [...this.#rollouts]) {
      const { applied, notAllowed } = this.#deps.exceptions.of(policy);
      const now = new Set([...applied, ...notAllowed.map(({ exception }) => exception)]);
      const isSame =
        now.size === exceptions.length && exceptions.every(({ exception }) => now.has(exception));
      if (!isSame) this.update(uid);
    }
  }

  #plan(policy: PolicyObject): void {
    const { uid, generation, annotations, compiled, object } = policy;
    const settings = withFuse(rolloutSettings(annotations, this.#defaults), policy);
    const isAccepted = compiled.value !== undefined;
    if (isAccepted)
      this.known.see(
        { policy, generation, spec: object.spec, progress: undefined },
        compiled.value,
      );
    // Nor may an earlier generation be in force under a name that is another policy's.
    const known = policy.isNameTaken ? [] : this.known.of(uid);
    const plan = planRollout({ generation, isAccepted, settings, known });
    if (plan.phase === "everywhere") this.known.gaveEverywhere(uid, generation);
    this.#note(policy, plan);
    const shares = this.#put(policy, plan.shares, known);
    const inForce = known.find((one) => one.generation === shares[0]?.revision.generation);
    const newest = compiled.value && this.#revision(policy, generation, compiled.value);
    const shown = inForce?.read() ?? compiled.value;
    this.#rollouts.set(uid, {
      policy,
      settings,
      phase: plan.phase,
      shares,
      mode: shown?.policy.mode,
      progress: known.find((one) => one.generation === generation)?.stored?.progress,
      newest,
      setTroubles: this.#setTroubles(setNames({ shares, newest }), policy),
      exceptions: shown === undefined ? [] : this.#excepted.of(policy, shown).uses,
    });
  }

  #setTroubles(
    names: ReadonlySet<string>,
    { uid, namespace }: Pick<PolicyObject, "uid" | "namespace">,
  ): readonly SetTrouble[] {
    const { sets } = this.#deps;
    sets.want(uid, names);
    return [...names].flatMap((name) => {
      const trouble = sets.trouble(name);
      if (trouble === undefined || namespace === "") return trouble ?? [];
      // Who may write policies in a namespace need not know what is in the sets of the cluster.
      const { details: _, ...shown } = trouble;
      return shown;
    });
  }

  /** Adds contents before the revisions that need them, and releases them after. */
  #put(
    policy: PolicyObject,
    shares: readonly GenerationShare[],
    known: readonly KnownRevision[],
  ): readonly PolicyShare[] {
    const { resolver, contents, changes } = this.#deps;
    const after: PolicyShare[] = [];
    const held: string[] = [];
    const { uid, name, namespace } = policy;
    for (const { generation, from, to } of shares) {
      const own = known.find((one) => one.generation === generation)?.read();
      const read = own && this.#excepted.of(policy, own).read;
      const digest = read && contents.add(read.encoded);
      if (own === undefined || read === undefined || digest === undefined) {
        this.#deps.logger.error("A stored revision cannot be used any more", {
          policy: { name, namespace, generation },
        });
        continue;
      }
      held.push(digest);
      for (const name of read.sets) {
        const set = this.#deps.sets.get(name);
        const of = set && contents.add(set.encoded);
        if (of !== undefined) held.push(of);
      }
      after.push({ revision: this.#revision(policy, generation, own), from, to });
    }
    changes.add(resolver.putShares(uid, after));
    for (const digest of this.#held.get(uid) ?? []) contents.release(digest);
    if (held.length === 0) this.#held.delete(uid);
    else this.#held.set(uid, held);
    return after;
  }

  #revision(policy: PolicyObject, generation: number, own: ReadPolicy): PolicyRevision {
    const { uid, name, namespace, fuse } = policy;
    const { encoded, sets: names, policy: compiled } = this.#excepted.of(policy, own).read;
    const { workloads, nodeSelector } = compiled;
    const sets = names.map((set) => ({
      name: set,
      digest: this.#deps.sets.get(set)?.encoded.digest ?? "",
    }));
    const content = encoded.digest;
    const digest = sets.length === 0 ? content : digestOf(JSON.stringify([content, sets]));
    return {
      ...{ uid, generation, name, namespace, digest, mode: "" },
      // Of the object as it is now, whichever generation this is.
      ...(fuse.fuse !== undefined && { fuse: fuseText(fuse.fuse) }),
      ...(fuse.fuseRearmed !== undefined && { fuseRearmed: fuse.fuseRearmed }),
      ...(sets.length > 0 && { withSets: { content, sets } }),
      ...(workloads && { workloads }),
      ...(nodeSelector && { nodeSelector }),
    };
  }

  #forget(uid: string): void {
    const gone = this.#rollouts.get(uid);
    this.known.forget(uid);
    if (gone === undefined) return;
    this.#rollouts.delete(uid);
    this.#deps.sets.want(uid, new Set());
    this.#put(gone.policy, [], []);
  }

  /** Logs once when an unusable generation is added, not at each later change. */
  #note({ uid, name, namespace, generation, compiled }: PolicyObject, plan: RolloutPlan): void {
    const before = this.#rollouts.get(uid);
    if (before?.policy.generation === generation && before.phase === plan.phase) return;
    const policy = { name, namespace, generation };
    const inForce = plan.shares.map((share) => share.generation);
    if (plan.phase === "rejected")
      this.#deps.logger.warn("A policy cannot be brought in force", {
        policy,
        inForce,
        problems: compiled.problems?.slice(0, 3),
      });
    else
      this.#deps.logger.info("The rollout of a policy continues", {
        policy,
        inForce,
        phase: plan.phase,
      });
  }
}

/** Of the revisions that nodes receive, and of the newest generation. */
function setNames({
  shares,
  newest,
}: Pick<PolicyRollout, "shares" | "newest">): ReadonlySet<string> {
  const revisions = [...shares.map(({ revision }) => revision), ...(newest ? [newest] : [])];
  return new Set(revisions.flatMap(({ withSets }) => withSets?.sets.map(({ name }) => name) ?? []));
}

/** A fuse that can't be read must not take the policy out of force: it has none then, and its status says so. */
function withFuse(settings: RolloutSettings, { fuseProblems }: PolicyObject): RolloutSettings {
  const errors = fuseProblems.filter(({ severity }) => severity === "error");
  const texts = errors.map(({ path, message }) => `${path}: ${message}`);
  return texts.length === 0
    ? settings
    : { ...settings, problems: [...settings.problems, ...texts] };
}
