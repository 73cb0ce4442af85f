// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { isClusterSet, limits, type ValueSet } from "@gander/policy";
import { type EncodedSet, encodeSet } from "@gander/policy/content";
import { streamLimits } from "@gander/proto/stream";

/** A set of values as it is now. Immutable: a change replaces it. */
export type KnownSet = ValueSet & {
  readonly encoded: EncodedSet;
};

/** Why there is no set of a name, or its newest values are not used. */
export type SetTrouble = {
  /** unread: it is not known yet; missing: there is none; wrong: its earlier values stay, if it had any. */
  readonly state: "unread" | "missing" | "wrong";
  readonly message: string;
  /** What is wrong with it; quotes values. */
  readonly details?: string;
};

/** All sets that policies can name: ValueSets, and those that are filled from the cluster. */
export type SetCatalog = {
  /** Undefined: there is none. */
  get(name: string): KnownSet | undefined;
  /** Undefined: its newest values are used. */
  trouble(name: string): SetTrouble | undefined;
  /** The names that a policy has now, in all generations that matter. Sets of the cluster are read as long as that. */
  want(policyUid: string, names: ReadonlySet<string>): void;
  /** Resolves when all wanted sets have been read, or `signal` aborts. */
  whenRead(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Calls `listener` in the same turn after each change of a set; it must neither throw nor wait. */
  onChange(listener: (name: string) => void): Disposable;
};

export type WritableSetCatalog = SetCatalog & {
  put(set: ValueSet): void;
  /** The object is there, but wrong: its last good values stay. */
  putBroken(name: string, problems: readonly Problem[]): void;
  /** There can't be such a set, for this reason. */
  deny(name: string, problem: string): void;
  /** There is none, or no longer. */
  delete(name: string): void;
  /** All ValueSets have been read: what has not been put does not exist. */
  objectsRead(): void;
  isWanted(name: string): boolean;
  /**
   * Calls `listener` when a set is wanted, and when it is no longer; for those of before at once. It fills the set in
   * a later turn.
   */
  onWanted(listener: (name: string) => void): Disposable;
  /** Nobody reads it any more. */
  forget(name: string): void;
};

type SetCatalogOptions = {
  /**
   * A set that has changed changes again after this time: a Service whose endpoints come and go would cost a version
   * for each of thousands of nodes each time.
   */
  readonly gapMs?: number;
};

export function createSetCatalog(options: SetCatalogOptions = {}): WritableSetCatalog {
  return new Sets(options);
}

type Entry = { readonly set?: KnownSet; readonly trouble?: SetTrouble };

type Listeners = Set<{ readonly call: (name: string) => void }>;

const none: ReadonlySet<string> = new Set();

class Sets implements WritableSetCatalog {
  /** As last told by a watch, and what is shown of it. */
  readonly #newest = new Map<string, Entry>();
  readonly #shown = new Map<string, Entry>();
  readonly #shownMs = new Map<string, number>();
  readonly #waiting = new Set<string>();
  /** By policy, and how many policies want each. */
  readonly #wants = new Map<string, ReadonlySet<string>>();
  readonly #wanted = new Map<string, number>();
  readonly #listeners: Listeners = new Set();
  readonly #wantedListeners: Listeners = new Set();
  readonly #gapMs: number;
  #areObjectsRead = false;

  constructor({ gapMs = 2_000 }: SetCatalogOptions) {
    this.#gapMs = gapMs;
  }

  get(name: string): KnownSet | undefined {
    return this.#shown.get(name)?.set;
  }

  trouble(name: string): SetTrouble | undefined {
    const entry = this.#shown.get(name);
    if (entry?.set !== undefined || entry?.trouble !== undefined) return entry.trouble;
    const isRead = entry !== undefined || (this.#areObjectsRead && !isClusterSet(name));
    return isRead
      ? { state: "missing", message: `There is no set "${name}"` }
      : { state: "unread", message: `The set "${name}" is still being read` };
  }

  want(policyUid: string, names: ReadonlySet<string>): void {
    const before = this.#wants.get(policyUid) ?? none;
    if (names.size === 0) this.#wants.delete(policyUid);
    else this.#wants.set(policyUid, names);
    for (const name of names) if (!before.has(name)) this.#addUsers(name, 1);
    for (const name of before) if (!names.has(name)) this.#addUsers(name, -1);
  }

  isWanted(name: string): boolean {
    return this.#wanted.has(name);
  }

  async whenRead({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      const isRead = (name: string) => this.trouble(name)?.state !== "unread";
      if (signal.aborted || this.#wanted.keys().every(isRead)) resolve();
    };
    using _changes = this.onChange(look);
    signal.addEventListener("abort", look, { once: true });
    look();
    await promise;
    signal.removeEventListener("abort", look);
  }

  onChange(call: (name: string) => void): Disposable {
    return listen(this.#listeners, call);
  }

  onWanted(call: (name: string) => void): Disposable {
    for (const name of this.#wanted.keys()) call(name);
    return listen(this.#wantedListeners, call);
  }

  put({ name, values }: ValueSet): void {
    if (values.length > limits.setValues) {
      const most = `${limits.setValues} are possible`;
      this.deny(name, `The set "${name}" would have ${values.length} values; ${most}`);
      return;
    }
    const encoded = encodeSet({ values });
    const { length } = encoded.bytes;
    if (length > streamLimits.policyBytes) {
      const most = `${streamLimits.policyBytes} can be sent to a node`;
      this.deny(name, `Encoded, the set "${name}" has ${length} bytes; ${most}`);
    } else this.#change(name, { set: { name, values, encoded } });
  }

  putBroken(name: string, problems: readonly Problem[]): void {
    const texts = problems.map(({ path, message }) => `${path}: ${message}`);
    const details = texts.slice(0, 3).join("; ");
    this.#keep(name, { state: "wrong", message: `The set "${name}" is wrong`, details });
  }

  deny(name: string, message: string): void {
    this.#keep(name, { state: "wrong", message });
  }

  delete(name: string): void {
    this.#change(name, {});
  }

  objectsRead(): void {
    this.#areObjectsRead = true;
    for (const name of this.#wanted.keys())
      if (this.trouble(name)?.state === "missing") this.#tell(name);
  }

  forget(name: string): void {
    for (const one of [this.#newest, this.#shown, this.#shownMs]) one.delete(name);
  }

  #addUsers(name: string, more: 1 | -1): void {
    const users = (this.#wanted.get(name) ?? 0) + more;
    if (users === 0) this.#wanted.delete(name);
    else this.#wanted.set(name, users);
    const isTold = users === 0 || (users === 1 && more === 1);
    if (isTold) for (const { call } of this.#wantedListeners) call(name);
  }

  #keep(name: string, trouble: SetTrouble): void {
    this.#change(name, { ...this.#newest.get(name), trouble });
  }

  #change(name: string, entry: Entry): void {
    this.#newest.set(name, entry);
    if (this.#waiting.has(name)) return;
    const shownMs = this.#shownMs.get(name) ?? Number.NEGATIVE_INFINITY;
    const waitMs = shownMs + this.#gapMs - performance.now();
    if (waitMs <= 0) {
      this.#show(name);
      return;
    }
    this.#waiting.add(name);
    setTimeout(() => {
      this.#waiting.delete(name);
      this.#show(name);
    }, waitMs).unref();
  }

  #show(name: string): void {
    const [before, after] = [this.#shown.get(name), this.#newest.get(name)];
    if (after === undefined) return;
    const isGone = after.set === undefined && after.trouble === undefined && !isClusterSet(name);
    if (isGone) {
      this.forget(name);
      if (before === undefined) return;
    } else {
      if (before !== undefined && isSame(before, after)) return;
      this.#shown.set(name, after);
      this.#shownMs.set(name, performance.now());
    }
    this.#tell(name);
  }

  #tell(name: string): void {
    for (const { call } of [...this.#listeners]) call(name);
  }
}

function isSame(a: Entry, b: Entry): boolean {
  return (
    a.set?.encoded.digest === b.set?.encoded.digest &&
    a.trouble?.message === b.trouble?.message &&
    a.trouble?.details === b.trouble?.details
  );
}

function listen(listeners: Listeners, call: (name: string) => void): Disposable {
  const listener = { call };
  listeners.add(listener);
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}
