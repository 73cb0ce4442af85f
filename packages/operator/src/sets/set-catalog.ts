// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import type { ValueSet } from "@gander/policy";
import { type EncodedSet, encodeSet } from "@gander/policy/content";
import { streamLimits } from "@gander/proto/stream";

/** A set of values as it is now. Immutable: a change replaces it. */
export type KnownSet = ValueSet & {
  readonly encoded: EncodedSet;
};

/** All sets that policies can name: ValueSets, and those that are filled from the cluster. */
export type SetCatalog = {
  /** Undefined: there is none. */
  get(name: string): KnownSet | undefined;
  /** Why there is none, or its newest values are not used; undefined: they are. */
  problem(name: string): string | undefined;
  /** Calls `listener` in the same turn after each change of a set; it must neither throw nor wait. */
  onChange(listener: (name: string) => void): Disposable;
};

export type WritableSetCatalog = SetCatalog & {
  put(set: ValueSet): void;
  /** The object is there, but wrong: its last good values stay. */
  putBroken(name: string, problems: readonly Problem[]): void;
  /** There can't be such a set, for this reason. */
  deny(name: string, problem: string): void;
  delete(name: string): void;
};

export function createSetCatalog(): WritableSetCatalog {
  return new Sets();
}

class Sets implements WritableSetCatalog {
  readonly #sets = new Map<string, KnownSet>();
  readonly #problems = new Map<string, string>();
  readonly #listeners = new Set<{ readonly call: (name: string) => void }>();

  get(name: string): KnownSet | undefined {
    return this.#sets.get(name);
  }

  problem(name: string): string | undefined {
    if (!this.#sets.has(name) && !this.#problems.has(name)) return `There is no set "${name}"`;
    return this.#problems.get(name);
  }

  onChange(call: (name: string) => void): Disposable {
    const listener = { call };
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  put({ name, values }: ValueSet): void {
    const encoded = encodeSet({ values });
    if (encoded.bytes.length > streamLimits.policyBytes) {
      const text = `Encoded, the set "${name}" has ${encoded.bytes.length} bytes; ${streamLimits.policyBytes} can be sent to a node`;
      this.#note(name, text);
      return;
    }
    const isSame = this.#sets.get(name)?.encoded.digest === encoded.digest;
    if (!isSame) this.#sets.set(name, { name, values, encoded });
    if (this.#problems.delete(name) || !isSame) this.#tell(name);
  }

  putBroken(name: string, problems: readonly Problem[]): void {
    const texts = problems.map(({ path, message }) => `${path}: ${message}`);
    this.#note(name, `The set "${name}" is wrong: ${texts.slice(0, 3).join("; ")}`);
  }

  deny(name: string, problem: string): void {
    this.#note(name, problem);
  }

  delete(name: string): void {
    const wasBroken = this.#problems.delete(name);
    if (this.#sets.delete(name) || wasBroken) this.#tell(name);
  }

  #note(name: string, problem: string): void {
    if (this.#problems.get(name) === problem) return;
    this.#problems.set(name, problem);
    this.#tell(name);
  }

  #tell(name: string): void {
    for (const { call } of this.#listeners) call(name);
  }
}
