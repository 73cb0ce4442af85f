// SPDX-License-Identifier: Apache-2.0
import type { ReadPolicy } from "../api/policy-catalog.ts";
import { readPolicyObject } from "../api/read-policy-object.ts";
import { policyOfRevision, type RevisionContent, type StoredRevision } from "./revision-object.ts";
import type { KnownGeneration } from "./rollout-plan.ts";
import type { RolloutProgress } from "./rollout-progress.ts";

/** An accepted generation, read from the API or seen here before the API had it. */
export type KnownRevision = KnownGeneration & {
  /** Undefined if it no longer compiles. Compiling takes time: only for what nodes receive. */
  readonly read: () => ReadPolicy | undefined;
  readonly content: RevisionContent;
  /** Undefined if no ControllerRevision has been seen. */
  readonly stored: StoredRevision | undefined;
};

type Seen = {
  readonly content: RevisionContent;
  readonly read: ReadPolicy;
  progress: RolloutProgress | undefined;
};

/** Revisions of all policies: those in the API, and those seen or put in force before it had them. */
export class KnownRevisions {
  readonly #stored = new Map<string, Map<number, StoredRevision>>();
  readonly #seen = new Map<string, Map<number, Seen>>();
  readonly #read = new WeakMap<StoredRevision, { readonly value: ReadPolicy | undefined }>();

  store(revision: StoredRevision): void {
    ofPolicy(this.#stored, revision.policy.uid).set(revision.generation, revision);
  }

  /** The ControllerRevision was deleted. */
  drop({ policy, generation, uid }: StoredRevision): void {
    const generations = this.#stored.get(policy.uid);
    if (generations?.get(generation)?.uid !== uid) return;
    generations.delete(generation);
    if (generations.size === 0) this.#stored.delete(policy.uid);
  }

  /** The API now has this generation of the policy. */
  see(content: RevisionContent, read: ReadPolicy): void {
    const generations = ofPolicy(this.#seen, content.policy.uid);
    if (generations.has(content.generation)) return;
    generations.set(content.generation, { content, read, progress: undefined });
    for (const oldest of generations.keys()) {
      if (generations.size <= seenLimit) break;
      generations.delete(oldest);
    }
  }

  /** All nodes receive it, even if no replica could record that. */
  gaveEverywhere(uid: string, generation: number): void {
    const seen = this.#seen.get(uid)?.get(generation);
    if (seen !== undefined) seen.progress = { phase: "everywhere" };
  }

  /** The policy was deleted; stored revisions are dropped when their deletion is seen. */
  forget(uid: string): void {
    this.#seen.delete(uid);
  }

  /** Newest first. */
  of(uid: string): readonly KnownRevision[] {
    const stored = this.#stored.get(uid) ?? new Map<number, StoredRevision>();
    const seen = this.#seen.get(uid) ?? new Map<number, Seen>();
    const generations = [...new Set([...stored.keys(), ...seen.keys()])].sort((a, b) => b - a);
    return generations.flatMap((generation) => {
      const one = stored.get(generation);
      const two = seen.get(generation);
      const content = one ?? two?.content;
      if (content === undefined) return [];
      return {
        generation,
        content,
        progress: one?.progress ?? two?.progress,
        read: () => two?.read ?? (one && this.#readStored(one)),
        stored: one,
      };
    });
  }

  /** Policies that have stored revisions. */
  policies(): Iterable<string> {
    return this.#stored.keys();
  }

  #readStored(stored: StoredRevision): ReadPolicy | undefined {
    let read = this.#read.get(stored);
    if (read === undefined) {
      const policy = readPolicyObject(stored.policy.kind, policyOfRevision(stored));
      read = { value: policy.compiled.value };
      this.#read.set(stored, read);
    }
    return read.value;
  }
}

/** As many as are stored: there may be no replica that stores them. */
const seenLimit = 10;

function ofPolicy<T>(all: Map<string, Map<number, T>>, uid: string): Map<number, T> {
  let one = all.get(uid);
  if (one === undefined) {
    one = new Map();
    all.set(uid, one);
  }
  return one;
}
