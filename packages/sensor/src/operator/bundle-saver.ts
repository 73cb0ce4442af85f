// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { StoredBundle } from "./bundle-file.ts";
import type { BundleStore } from "./bundle-store.ts";

export type BundleSaverOptions = {
  /** The delay before a failed save is retried, even without a new bundle. */
  readonly retryMs?: number;
  /** `save` waits for a slow disk no longer than this. */
  readonly patienceMs?: number;
};

type Saved = Omit<StoredBundle, "node">;

/**
 * Saves bundles to disk, only the latest if several wait. A full, broken or slow disk affects nothing but
 * what a restart remembers: a failed save is logged once, kept, and retried.
 */
export class BundleSaver implements AsyncDisposable {
  readonly #store: Pick<BundleStore, "save" | "raiseFloor">;
  readonly #logger: Logger;
  readonly #options: Required<BundleSaverOptions>;
  #latest: Saved | undefined;
  #saving: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #problem = "";

  constructor(
    deps: { readonly store: Pick<BundleStore, "save" | "raiseFloor">; readonly logger: Logger },
    options: BundleSaverOptions = {},
  ) {
    this.#store = deps.store;
    this.#logger = deps.logger;
    this.#options = { retryMs: 30_000, patienceMs: 2_000, ...options };
  }

  /** Why the latest bundle isn't on disk; empty if it is. */
  get problem(): string {
    return this.#problem;
  }

  /** Resolves when it is on disk, can't be saved, or takes too long. Never rejects. */
  async save(bundle: Saved): Promise<void> {
    this.#latest = bundle;
    this.#saving ??= this.#saveLatest().finally(() => {
      this.#saving = undefined;
    });
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#fail("the disk does not answer");
      patience.resolve();
    }, this.#options.patienceMs);
    await Promise.race([this.#saving, patience.promise]);
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#saving;
    clearTimeout(this.#retry);
  }

  async #saveLatest(): Promise<void> {
    clearTimeout(this.#retry);
    while (this.#latest !== undefined) {
      const bundle = this.#latest;
      this.#latest = undefined;
      const problem = await this.#saveOne(bundle);
      if (problem === undefined) {
        this.#succeed();
        continue;
      }
      this.#fail(problem);
      this.#latest ??= bundle;
      this.#retry = setTimeout(() => {
        if (this.#latest !== undefined) void this.save(this.#latest);
      }, this.#options.retryMs);
      return;
    }
  }

  /** Returns the problem, if any. */
  async #saveOne(bundle: Saved): Promise<string | undefined> {
    // First, and whether or not the rest succeeds: older bundles are no longer the newest.
    const floor = await this.#store.raiseFloor(bundle.state.epoch).catch((error: unknown) => error);
    const rest = await this.#store.save(bundle).catch((error: unknown) => error);
    const error = rest ?? floor;
    return error === undefined ? undefined : error instanceof Error ? error.message : String(error);
  }

  #fail(problem: string): void {
    if (this.#problem === "")
      this.#logger.warn(
        "The operator's policies cannot be stored; they are in force, and a restart without the operator would not know them",
        { problem, hint: "Free space in --state-dir, or make it writable; the sensor tries again" },
      );
    this.#problem = problem;
  }

  #succeed(): void {
    if (this.#problem !== "") this.#logger.info("The operator's policies are stored again");
    this.#problem = "";
  }
}
