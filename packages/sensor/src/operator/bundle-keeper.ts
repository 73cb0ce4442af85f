// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { Commit } from "@gander/proto/stream";
import type { NodeCounts, NodePolicies } from "../policy/node/node-policies.ts";
import { type Applied, applyBundle, type BundleException, withBlownFuses } from "./apply-bundle.ts";
import { BundleSaver, type BundleSaverOptions } from "./bundle-saver.ts";
import type { BundleStore } from "./bundle-store.ts";
import {
  absentPolicies,
  type NodeBundle,
  noBundle,
  nodeBundle,
  storedForm,
  usablePolicies,
} from "./node-bundle.ts";
import { type NodeState, noState } from "./node-state.ts";
import { retryDelays } from "./retry-delays.ts";
import type { VersionIntake } from "./version-intake.ts";

/** The result of a version. */
export type Outcome =
  | { readonly exceptions: readonly BundleException[]; readonly refusal?: never }
  | { readonly refusal: string; readonly exceptions?: never };

/** What a Hello may claim. */
export type Held = {
  readonly epoch: number;
  /** Hex; empty: the state here is incomplete. */
  readonly stateDigest: string;
  /** Of contents. */
  readonly digests: readonly string[];
};

type BundleKeeperDeps = {
  readonly store: BundleStore;
  readonly policies: NodePolicies;
  readonly logger: Logger;
};

type BundleKeeperOptions = BundleSaverOptions & {
  /** The first delay before a failed policy is retried; further delays are longer. */
  readonly failedAgainMs?: number;
};

/** The source of the policies in force. */
export type BundleSource = "nothing" | "disk" | "operator";

/**
 * Keeps the operator's policies for this node: accepts its versions, saves them before they are put in force,
 * and restores the last one at the start. Does one thing at a time.
 */
export class BundleKeeper implements AsyncDisposable {
  readonly #deps: BundleKeeperDeps;
  readonly #saver: BundleSaver;
  readonly #delays: ReturnType<typeof retryDelays>;
  #bundle: NodeBundle = { ...noBundle, state: noState };
  #exceptions: readonly BundleException[] = [];
  #source: BundleSource = "nothing";
  /** Whether `#bundle` is in force apart from the exceptions. */
  #isInForce = false;
  /** Whether the stored bundle has everything that was last to be in force. */
  #isWhole = false;
  #last: Promise<unknown> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;
  #onChange: () => void = () => {};
  #onNodeLabels: (labels: NodeState["nodeLabels"]) => void = () => {};

  constructor(deps: BundleKeeperDeps, options: BundleKeeperOptions = {}) {
    const { failedAgainMs = 30_000 } = options;
    this.#deps = deps;
    this.#saver = new BundleSaver(deps, options);
    this.#delays = retryDelays({
      firstMs: failedAgainMs,
      mostMs: 20 * failedAgainMs,
      jitter: "half",
    });
  }

  /** Called when the exceptions differ from those last reported. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Called with the labels of the node when they have changed. */
  onNodeLabels(listener: (labels: NodeState["nodeLabels"]) => void): void {
    this.#onNodeLabels = listener;
  }

  /** With the fuses that are blown now. */
  get exceptions(): readonly BundleException[] {
    return withBlownFuses(this.#exceptions, this.#deps.policies.blown());
  }

  /** A fuse has blown, or was armed again. */
  fuseChanged(): void {
    this.#onChange();
  }

  get state(): NodeState {
    return this.#bundle.state;
  }

  get source(): BundleSource {
    return this.#source;
  }

  /** Why a restart wouldn't find the policies in force; empty: it would. */
  get storeProblem(): string {
    return this.#saver.problem;
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  counts(): NodeCounts {
    return this.#deps.policies.counts();
  }

  /**
   * Puts the stored bundle in force. The policies are requested within this call, so that they are added
   * together with others requested in the same turn. If programs of an earlier sensor hold more than the
   * store (`kernel` is "adopted"), their policies stay in force until the operator answers.
   */
  restore(kernel: "adopted" | "fresh"): Promise<void> {
    const { store, logger } = this.#deps;
    const { bundle: stored, isNewest, problems } = store.found;
    if (stored === undefined) {
      // Nothing was ever in force here.
      this.#isWhole = problems.length === 0 && store.floor === 0;
      this.#bundle = { ...noBundle, state: { ...noState, epoch: store.floor } };
      if (problems.length > 0)
        logger.error("The stored policies cannot be used", { problems, hint });
      return Promise.resolve();
    }
    const standIns = usablePolicies(stored.standIns.values(), store);
    const bundle = nodeBundle(stored.state, { ...noBundle, standIns }, store);
    const isWhole = isNewest && absentPolicies(bundle).isSubsetOf(stored.absent);
    this.#isWhole = isWhole;
    const epoch = Math.max(stored.state.epoch, store.floor);
    // An incomplete state is not claimed, so that the operator sends all of it.
    const digest = isWhole ? stored.state.digest : "";
    this.#bundle = { ...bundle, state: { ...stored.state, epoch, digest } };
    const facts = {
      epoch: stored.state.epoch,
      policies: bundle.version.policies.length,
      pods: bundle.version.pods.length,
      ...(problems.length > 0 && { problems }),
      ...(bundle.refused.length > 0 && { refused: bundle.refused }),
    };
    if (!isWhole && kernel === "adopted") {
      logger.error(
        "The stored policies are not the last ones or not whole; what the earlier sensor left in force goes on until the operator answers",
        { ...facts, hint },
      );
      return Promise.resolve();
    }
    if (isWhole) logger.info("Stored policies are put in force", facts);
    else
      logger.error("Stored policies are put in force as far as they can be read", {
        ...facts,
        hint,
      });
    const work = this.#bringInForce(this.#bundle, "disk").catch((error: unknown) =>
      logger.error("The stored policies cannot be put in force", { error }),
    );
    // The first work of all: started within this call.
    this.#last = work;
    return work;
  }

  /** Waits for work in progress, so that the Hello has the state that the next version builds on. */
  async held(): Promise<Held> {
    await this.#last;
    const { store } = this.#deps;
    const { epoch, digest } = this.#bundle.state;
    const lacksContents = absentPolicies(this.#bundle).size > 0;
    return { epoch, stateDigest: lacksContents ? "" : digest, digests: store.digests };
  }

  /** The answer to a Commit. Never rejects. */
  commit(intake: VersionIntake, commit: Commit): Promise<Outcome> {
    return this.#enqueue(async () => {
      const { store, logger } = this.#deps;
      const version = intake.finish(commit, this.#bundle.state);
      if ("refusal" in version) return version;
      const { state, contents, damaged } = version;
      const bundle = nodeBundle(state, this.#bundle, {
        content: (digest) => contents.get(digest) ?? store.content(digest),
        isDamaged: (digest) => damaged.has(digest) || store.isDamaged(digest),
      });
      store.hold(storedForm(bundle), contents);
      await this.#saver.save(storedForm(bundle));
      const isSame = this.#isInForce && state.digest === this.#bundle.state.digest;
      if (isSame && this.#exceptions.length === 0) {
        this.#bundle = bundle;
        this.#source = "operator";
        return { exceptions: this.exceptions };
      }
      try {
        await this.#bringInForce(bundle, "operator");
      } catch (error) {
        logger.error(
          "A version of the operator cannot be put in force; the last one stays in force",
          {
            epoch: state.epoch,
            error,
          },
        );
        return { refusal: error instanceof Error ? error.message : String(error) };
      }
      return { exceptions: this.exceptions };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.#last;
    await this.#saver[Symbol.asyncDispose]();
  }

  async #bringInForce(bundle: NodeBundle, source: BundleSource): Promise<void> {
    this.#took(await applyBundle(this.#deps.policies, bundle));
    this.#source = source;
    this.#isInForce = true;
    this.#delays.reset();
    this.#planRetry();
  }

  /** A restart needn't find stand-ins that aren't needed any more: the next save omits them. */
  #took({ bundle, exceptions }: Applied): void {
    const { nodeLabels } = this.#bundle.state;
    this.#bundle = bundle;
    if (bundle.state.nodeLabels !== nodeLabels) this.#onNodeLabels(bundle.state.nodeLabels);
    this.#exceptions = exceptions;
  }

  /** Retries failed policies: the cause may be gone. */
  #planRetry(): void {
    clearTimeout(this.#retry);
    if (this.#isClosed || !this.#exceptions.some(({ state }) => state === "failed")) return;
    this.#retry = setTimeout(() => void this.#enqueue(() => this.#tryAgain()), this.#delays.next());
    this.#retry.unref();
  }

  async #tryAgain(): Promise<void> {
    try {
      const before = JSON.stringify(this.#exceptions);
      this.#took(await applyBundle(this.#deps.policies, this.#bundle));
      if (JSON.stringify(this.#exceptions) !== before) this.#onChange();
    } catch (error) {
      this.#deps.logger.error("Policies that failed cannot be tried again", { error });
    }
    this.#planRetry();
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

const hint =
  "Nothing, if the operator answers: it sends everything anew. Else look at the disk below --state-dir";
