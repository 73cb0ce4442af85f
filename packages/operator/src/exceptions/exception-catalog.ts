// SPDX-License-Identifier: Apache-2.0
import { type CompiledException, type ExceptionUse, exceptionsOf } from "@gander/policy";
import type { PolicyObject } from "../api/policy-catalog.ts";

/** The exceptions of a policy. */
type ChosenExceptions = {
  readonly applied: readonly CompiledException[];
  /** They name it, but it takes none of namespaces. */
  readonly notAllowed: readonly ExceptionUse[];
};

/** The exceptions of the API, of both kinds. */
export type ExceptionCatalog = {
  of(policy: Pick<PolicyObject, "name" | "namespace" | "annotations" | "object">): ChosenExceptions;
  /** Calls `listener` in the same turn after each change; it must neither throw nor wait. */
  onChange(listener: () => void): Disposable;
};

export type WritableExceptionCatalog = ExceptionCatalog & {
  /** An exception by its object's UID. */
  put(uid: string, exception: CompiledException): void;
  /** There is none, or no longer, or it is wrong: what cannot be read excepts nothing. */
  delete(uid: string): void;
};

export function createExceptionCatalog(): WritableExceptionCatalog {
  return new Exceptions();
}

class Exceptions implements WritableExceptionCatalog {
  readonly #all = new Map<string, CompiledException>();
  readonly #listeners = new Set<{ readonly call: () => void }>();

  of({
    name,
    namespace,
    annotations,
    object,
  }: Pick<PolicyObject, "name" | "namespace" | "annotations" | "object">): ChosenExceptions {
    const chosen = { name, namespace, annotations, labels: labelsOf(object) };
    return exceptionsOf(chosen, this.#all.values());
  }

  put(uid: string, exception: CompiledException): void {
    this.#all.set(uid, exception);
    this.#tell();
  }

  delete(uid: string): void {
    if (this.#all.delete(uid)) this.#tell();
  }

  onChange(call: () => void): Disposable {
    const listener = { call };
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #tell(): void {
    for (const { call } of [...this.#listeners]) call();
  }
}

function labelsOf({ metadata }: PolicyObject["object"]): Readonly<Record<string, string>> {
  const { labels = {} } = (metadata ?? {}) as {
    readonly labels?: Readonly<Record<string, string>>;
  };
  return labels;
}
