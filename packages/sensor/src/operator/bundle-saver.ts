// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { StoredBundle } from "./bundle-file.ts";
import type { BundleStore } from "./bundle-store.ts";

export type BundleSaverOptions = {
  /** After a failure it is tried again so often, also if nothing new comes. */
  readonly retryMs?: number;
  /** `save` waits for a slow disk no longer than this. */
  readonly patienceMs?: number;
};

type Saved = Omit<StoredBundle, "node">;

/**
 * Brings bundles to disk, the latest one if several wait. A disk that is full, broken or slow holds
 * nothing back but a restart's memory: what couldn't be saved is said once, held, and tried again.
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

  /** Why the latest bundle isn't on disk; empty: it is. */
  get problem(): string {
    return this.#problem;
  }

  /** Done when it is on disk, or can't be brought there, or that takes too long. Never rejects. */
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

  /** Gives what went wrong. */
  async #saveOne(bundle: Saved): Promise<string | undefined> {
    // First, and whatever becomes of the rest: what is older than this is no more the newest.
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
