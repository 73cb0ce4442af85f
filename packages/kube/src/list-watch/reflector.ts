// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "@gander/base";
import type { KubeClient } from "../client/client.ts";
import { KubeError } from "../client/kube-error.ts";
import type { Resource } from "../client/resource.ts";
import { wait } from "../clock/wait.ts";
import type { KubeObject } from "./kube-object.ts";
import { listObjects, type Selection } from "./list-objects.ts";
import { createObjectSink, type ObjectSink } from "./object-sink.ts";
import {
  type Change,
  createObjectStore,
  type ObjectStore,
  type Projection,
  type WritableStore,
} from "./object-store.ts";
import type { ReflectorState } from "./reflector-state.ts";
import { createRestartPolicy, type Restart, type RestartPolicy } from "./restart-policy.ts";
import { type WatchEvent, watchObjects } from "./watch-objects.ts";

export type Reflector<T extends Projection> = {
  readonly store: ObjectStore<T>;
  /** Follows the server until `signal` aborts; never ends or throws earlier, whatever happens. */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Resolves when the first list is complete; with false if `signal` aborts first. */
  whenSynced(options: { readonly signal: AbortSignal }): Promise<boolean>;
  state(): ReflectorState;
};

type ReflectorDeps = { readonly client: KubeClient; readonly logger: Logger };

type ReflectorOptions<T extends Projection, O extends KubeObject> = {
  readonly resource: Resource;
  readonly selection?: Selection;
  /** The stored part of an object; undefined to ignore the object as if it didn't exist. */
  readonly project: (object: O) => T | undefined;
  /** Whether two projections are equal; node:util's isDeepStrictEqual if absent. */
  readonly equal?: (a: T, b: T) => boolean;
  /** Called in order, in the turn of the store's change; it must neither throw nor wait. */
  readonly onChange?: (change: Change<T>) => void;
  /** 500 if absent. */
  readonly pageSize?: number;
  /** Largest object or line; 16 MiB if absent (etcd accepts 1.5 MB). */
  readonly maxObjectBytes?: number;
  readonly timing?: Partial<ReflectorTiming>;
  readonly random?: () => number;
};

export type ReflectorTiming = {
  /** A watch silent for this long is restarted; bookmarks arrive about every minute. */
  readonly watchIdleMs: number;
  readonly listIdleMs: number;
  /** Watches end after this time to twice this time, so that they spread over the API servers again. */
  readonly watchSeconds: number;
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
  /** A watch that lasted this long was good: the back-off is reset. */
  readonly stableMs: number;
};

const defaultTiming: ReflectorTiming = {
  watchIdleMs: 90_000,
  listIdleMs: 30_000,
  watchSeconds: 240,
  backOffBaseMs: 200,
  backOffMaxMs: 30_000,
  stableMs: 5_000,
};

/**
 * Keeps a projection of a resource identical to the server's, through all failures: resets, silence,
 * expired versions, overload, cut lines, expired tokens, restarts. After every list the store is exactly
 * the server's set; between lists each watch continues where the last one ended.
 */
export function createReflector<T extends Projection, O extends KubeObject = KubeObject>(
  deps: ReflectorDeps,
  options: ReflectorOptions<T, O>,
): Reflector<T> {
  const timing = { ...defaultTiming, ...options.timing };
  const random = options.random ?? Math.random;
  const logger = deps.logger.with({ resource: options.resource.plural });
  const store = createObjectStore<T>({
    equal: options.equal ?? isDeepStrictEqual,
    onChange(change) {
      try {
        options.onChange?.(change);
      } catch (error) {
        logger.error("A listener failed on a change", { key: change.key, error });
      }
    },
  });
  return new ListWatch<T>({
    client: deps.client,
    logger,
    store,
    sink: createObjectSink(store, { project: options.project, logger }),
    restarts: createRestartPolicy({ ...timing, random, now: () => performance.now() }),
    timing,
    random,
    resource: options.resource,
    selection: options.selection ?? {},
    pageSize: options.pageSize ?? 500,
    maxObjectBytes: options.maxObjectBytes ?? 16 << 20,
  });
}

type ListWatchParts<T extends Projection> = ReflectorDeps & {
  readonly store: WritableStore<T>;
  readonly sink: ObjectSink;
  readonly restarts: RestartPolicy;
  readonly timing: ReflectorTiming;
  readonly random: () => number;
  readonly resource: Resource;
  readonly selection: Selection;
  readonly pageSize: number;
  readonly maxObjectBytes: number;
};

class ListWatch<T extends Projection> implements Reflector<T> {
  readonly store: ObjectStore<T>;
  readonly #parts: ListWatchParts<T>;
  readonly #synced = Promise.withResolvers<true>();
  readonly #counts = { lists: 0, events: 0, bookmarks: 0, bytes: 0 };
  #phase: ReflectorState["phase"] = "idle";
  #resourceVersion = "";
  #contactAtMs = Number.NEGATIVE_INFINITY;
  #eventAtMs = Number.NEGATIVE_INFINITY;
  #handlingMs = 0;
  #expiredLists = 0;
  /** Consecutive watches that were silent from start to end. */
  #silentWatches = 0;
  #lastError: KubeError | undefined;

  constructor(parts: ListWatchParts<T>) {
    this.#parts = parts;
    this.store = parts.store;
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      let error: unknown;
      try {
        if (this.#resourceVersion === "") await this.#list(signal);
        await this.#watch(signal);
      } catch (thrown) {
        error = thrown;
      }
      if (signal.aborted) break;
      const restart = this.#parts.restarts.ended(error);
      if (restart.relist || this.#isUnheard(restart)) this.#resourceVersion = "";
      this.#phase = "waiting";
      this.#note(restart, error);
      if (restart.delayMs > 0) await wait(restart.delayMs, { signal });
    }
    this.#phase = "stopped";
  }

  async whenSynced({ signal }: { readonly signal: AbortSignal }): Promise<boolean> {
    const stopped = Promise.withResolvers<false>();
    const stop = () => stopped.resolve(false);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      return await Promise.race([this.#synced.promise, stopped.promise]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  state(): ReflectorState {
    const nowMs = performance.now();
    return {
      phase: this.#phase,
      synced: this.#counts.lists > 0,
      objects: this.store.size,
      resourceVersion: this.#resourceVersion,
      sinceContactMs: nowMs - this.#contactAtMs,
      sinceEventMs: nowMs - this.#eventAtMs,
      handlingMs: this.#handlingMs,
      ...this.#counts,
      projectionFailures: this.#parts.sink.projectionFailures,
      restarts: { ...this.#parts.restarts.counts },
      lastError: this.#lastError,
    };
  }

  /**
   * Not even a bookmark in two watches: the version may be in the future, for example after etcd was
   * restored from a backup. The API server would send nothing until its own versions reach it.
   */
  #isUnheard({ cause }: Restart): boolean {
    return cause === "silence" && ++this.#silentWatches >= 2;
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, resource, selection, store, sink, timing, maxObjectBytes } = this.#parts;
    this.#phase = "listing";
    store.beginList();
    try {
      const { resourceVersion } = await listObjects(client, resource, {
        selection,
        // If pages expired twice during a list, they would again: then request all in one response.
        pageSize: this.#expiredLists < 2 ? this.#parts.pageSize : 0,
        maxObjectBytes,
        idleMs: timing.listIdleMs,
        signal,
        onItem: (item) => sink.item(item),
        onChunk: () => this.#noteContact(),
      });
      store.endList();
      this.#resourceVersion = resourceVersion;
    } catch (error) {
      if (error instanceof KubeError && error.code === "kube-expired") this.#expiredLists++;
      throw error;
    }
    this.#expiredLists = 0;
    this.#silentWatches = 0;
    this.#counts.lists++;
    this.#synced.resolve(true);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, resource, selection, timing, random, maxObjectBytes } = this.#parts;
    await watchObjects(client, resource, {
      selection,
      resourceVersion: this.#resourceVersion,
      timeoutSeconds: Math.ceil(timing.watchSeconds * (1 + random())),
      idleMs: timing.watchIdleMs,
      maxObjectBytes,
      signal,
      onOpen: () => {
        this.#phase = "watching";
        this.#parts.restarts.opened();
        this.#noteContact();
      },
      onChunk: ({ bytes, handlingMs }) => {
        this.#noteContact();
        this.#counts.bytes += bytes;
        this.#handlingMs = handlingMs;
      },
      onEvent: (event) => this.#take(event),
    });
  }

  #take(event: WatchEvent): void {
    this.#silentWatches = 0;
    if (event.type === "bookmark") {
      this.#counts.bookmarks++;
      this.#resourceVersion = event.resourceVersion;
      return;
    }
    this.#counts.events++;
    this.#eventAtMs = performance.now();
    const { sink } = this.#parts;
    if (event.type === "set") sink.set(event.object);
    else sink.delete(event.object);
    // Set once the object is stored: if that fails, the object is sent again.
    this.#resourceVersion = event.object.metadata.resourceVersion;
  }

  #noteContact(): void {
    this.#contactAtMs = performance.now();
  }

  #note({ cause, failures }: Restart, error: unknown): void {
    if (error === undefined) return;
    if (error instanceof KubeError) this.#lastError = error;
    // Logs the first failure and every 20th. Nothing for silence: if a resource has not changed since the
    // API server started, it sends no bookmarks either.
    const severe = cause === "other" || cause === "credentials" ? "error" : "warn";
    const isTold = cause !== "silence" && (failures === 1 || failures % 20 === 0);
    const level = isTold ? severe : "debug";
    this.#parts.logger[level]("The watch is begun again", { cause, failures, error });
  }
}
