// SPDX-License-Identifier: Apache-2.0
import type { Problem, Result } from "@gander/base";
import type { CompiledPolicy } from "@gander/policy";
import type { EncodedPolicy } from "@gander/policy/content";

/** A policy as it is in the API now. Immutable: a change replaces it. */
export type PolicyObject = {
  readonly kind: "TracingPolicy" | "TracingPolicyNamespaced";
  readonly uid: string;
  /** Empty for a TracingPolicy. */
  readonly namespace: string;
  readonly name: string;
  /** Incremented by the API server at each change of the spec. */
  readonly generation: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339 */
  readonly createdAt: string;
  /** The API object without managedFields and status. */
  readonly object: Readonly<Record<string, unknown>>;
  /** The result of compiling it: the operator never relies on admission. */
  readonly compiled: Result<ReadPolicy>;
  /** The status in the API now, for comparison; undefined if there is none. */
  readonly status: unknown;
};

export type ReadPolicy = {
  readonly policy: CompiledPolicy;
  /** Small enough to be sent. */
  readonly encoded: EncodedPolicy;
  readonly warnings: readonly Problem[];
};

/** All policies of both kinds. */
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
  put(policy: PolicyObject): void;
  delete(uid: string): void;
};

export function createPolicyCatalog(): WritablePolicyCatalog {
  const policies = new Map<string, PolicyObject>();
  const listeners = new Set<{ readonly call: (uid: string) => void }>();
  const tell = (uid: string) => {
    for (const { call } of listeners) call(uid);
  };
  return {
    get: (uid) => policies.get(uid),
    all: () => policies.values(),
    onChange(call) {
      const listener = { call };
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    put(policy) {
      policies.set(policy.uid, policy);
      tell(policy.uid);
    },
    delete(uid) {
      if (policies.delete(uid)) tell(uid);
    },
  };
}
