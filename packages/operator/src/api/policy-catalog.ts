// SPDX-License-Identifier: Apache-2.0
import type { Problem, Result } from "@gander/base";
import type { CompiledPolicy } from "@gander/policy";
import type { EncodedPolicy } from "@gander/policy/content";

/** A policy as the API has it now. Replaced when it changes, never changed. */
export type PolicyObject = {
  readonly kind: "TracingPolicy" | "TracingPolicyNamespaced";
  readonly uid: string;
  /** Empty for a TracingPolicy. */
  readonly namespace: string;
  readonly name: string;
  /** Counted up by the API server with each change of the spec. */
  readonly generation: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339 */
  readonly createdAt: string;
  /** As the API has it, without managedFields and status. */
  readonly object: Readonly<Record<string, unknown>>;
  /** What reading it gave: the operator never trusts that admission was there. */
  readonly compiled: Result<ReadPolicy>;
  /** What the API shows now, to be compared; undefined if there is none. */
  readonly status: unknown;
};

export type ReadPolicy = {
  readonly policy: CompiledPolicy;
  /** Not too large to be sent. */
  readonly encoded: EncodedPolicy;
  readonly warnings: readonly Problem[];
};

/** All policies of both kinds. */
export type PolicyCatalog = {
  get(uid: string): PolicyObject | undefined;
  all(): Iterable<PolicyObject>;
  /**
   * Calls `listener` after each change, in the same turn: of spec, annotations or status; for a policy
   * that is gone as well, which `get` doesn't find any more. It must not throw, nor wait.
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
