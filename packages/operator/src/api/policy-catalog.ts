// SPDX-License-Identifier: Apache-2.0
import type { Problem, Result } from "@gander/base";
import type { PolicyKind } from "@gander/crd-schemas";
import type { CompiledPolicy, PolicyFuse } from "@gander/policy";
import type { EncodedPolicy } from "@gander/policy/content";

/** A policy as it is in the API now. Immutable: a change replaces it. */
export type PolicyObject = {
  readonly kind: PolicyKind;
  readonly uid: string;
  /** Empty if the kind is for the whole cluster. */
  readonly namespace: string;
  readonly name: string;
  /** Incremented by the API server at each change of the spec. */
  readonly generation: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** By its metadata. */
  readonly fuse: PolicyFuse;
  /** Why `fuse` isn't what its metadata says, and warnings. The policy itself is in force. */
  readonly fuseProblems: readonly Problem[];
  /** RFC 3339 */
  readonly createdAt: string;
  /** The API object without managedFields and status. */
  readonly object: Readonly<Record<string, unknown>>;
  /** The result of compiling it: the operator never relies on admission. */
  readonly compiled: Result<ReadPolicy>;
  /** A policy of the other kind has its name: it is not in force. */
  readonly isNameTaken?: true;
  /** The status in the API now, for comparison; undefined if there is none. */
  readonly status: unknown;
};

export type ReadPolicy = {
  readonly policy: CompiledPolicy;
  /** Small enough to be sent. */
  readonly encoded: EncodedPolicy;
  /** Names of the sets that it names, ascending. `policy` is without their values. */
  readonly sets: readonly string[];
  readonly warnings: readonly Problem[];
};

/** All policies of all kinds. */
export type PolicyCatalog = {
  get(uid: string): PolicyObject | undefined;
  all(): Iterable<PolicyObject>;
  /**
   * Calls `listener` after each change of spec, annotations or status, in the same turn, and after a
   * deletion, when `get` no longer finds the policy. It must neither throw nor wait.
   */
  onChange(listener: (uid: string) => void): Disposable;
};

export type WritablePolicyCatalog = PolicyCatalog & {
  /** As it was put, though another has its name. */
  asPut(uid: string): PolicyObject | undefined;
  put(policy: PolicyObject): void;
  delete(uid: string): void;
};

export function createPolicyCatalog(): WritablePolicyCatalog {
  return new PolicyObjects();
}

/**
 * Nodes, events and statuses name a policy by its name alone. So of two kinds of one scope only one may have a
 * name: the older object has it, and the other is shown as refused.
 */
class PolicyObjects implements WritablePolicyCatalog {
  readonly #put = new Map<string, PolicyObject>();
  readonly #shown = new Map<string, PolicyObject>();
  /** The policies of each name: one, or one of each kind; the first has it. */
  readonly #byName = new Map<string, readonly PolicyObject[]>();
  readonly #listeners = new Set<{ readonly call: (uid: string) => void }>();

  get(uid: string): PolicyObject | undefined {
    return this.#shown.get(uid);
  }

  asPut(uid: string): PolicyObject | undefined {
    return this.#put.get(uid);
  }

  all(): Iterable<PolicyObject> {
    return this.#shown.values();
  }

  onChange(call: (uid: string) => void): Disposable {
    const listener = { call };
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  put(policy: PolicyObject): void {
    this.#put.set(policy.uid, policy);
    const others = this.#othersOf(policy);
    this.#nameAgain([...others, policy], policy.uid);
  }

  delete(uid: string): void {
    const policy = this.#put.get(uid);
    if (policy === undefined) return;
    this.#put.delete(uid);
    this.#shown.delete(uid);
    const others = this.#othersOf(policy);
    if (others.length === 0) this.#byName.delete(nameOf(policy));
    // The end of the one that has the name is told before the other takes it.
    this.#tell(uid);
    this.#nameAgain(others, undefined);
  }

  #othersOf(policy: PolicyObject): readonly PolicyObject[] {
    const all = this.#byName.get(nameOf(policy)) ?? [];
    return all.filter(({ uid }) => uid !== policy.uid);
  }

  /** `changed` is told of in any case, others only if the name is theirs now, or no longer. */
  #nameAgain(policies: readonly PolicyObject[], changed: string | undefined): void {
    const [first, ...later] = [...policies].sort(byAge);
    if (first === undefined) return;
    this.#byName.set(nameOf(first), [first, ...later]);
    const shown = [...later.map((policy) => refused(policy, first)), first];
    const told = shown.filter(
      ({ uid, isNameTaken }) =>
        uid === changed || this.#shown.get(uid)?.isNameTaken !== isNameTaken,
    );
    for (const policy of told) this.#shown.set(policy.uid, policy);
    for (const { uid } of told) this.#tell(uid);
  }

  #tell(uid: string): void {
    for (const { call } of this.#listeners) call(uid);
  }
}

const nameOf = ({ namespace, name }: PolicyObject) => `${namespace}/${name}`;

/** RFC 3339 in UTC sorts as text. Two of one second: any order, but always the same. */
function byAge(a: PolicyObject, b: PolicyObject): number {
  const [first, second] = [`${a.createdAt} ${a.uid}`, `${b.createdAt} ${b.uid}`];
  return first < second ? -1 : Number(first > second);
}

function refused(policy: PolicyObject, { kind, name }: PolicyObject): PolicyObject {
  const problem: Problem = {
    ...{ file: "", path: "metadata.name", line: 0, column: 0 },
    code: "policy-bad-name",
    message: `There is a ${kind} "${name}" already, and policies of both kinds share their names`,
    hint: "Give one of them another name.",
    severity: "error",
  };
  return { ...policy, isNameTaken: true, compiled: { problems: [problem] } };
}
