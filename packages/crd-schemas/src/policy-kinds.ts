// SPDX-License-Identifier: Apache-2.0

/**
 * The kinds of policies, and the version of each. Kinds of our own have fields that those of other products
 * lack: where another product's definitions are installed, the API server would remove such a field, and a
 * policy without one of its filters enforces more than it should.
 */
export const apiVersions = {
  TracingPolicy: "cilium.io/v1alpha1",
  TracingPolicyNamespaced: "cilium.io/v1alpha1",
  GuardPolicy: "gander.dev/v1alpha1",
  GuardPolicyNamespaced: "gander.dev/v1alpha1",
} as const;

export type PolicyKind = keyof typeof apiVersions;

export const policyKindNames = Object.keys(apiVersions) as readonly PolicyKind[];

export const isPolicyKind = (kind: unknown): kind is PolicyKind =>
  typeof kind === "string" && Object.hasOwn(apiVersions, kind);

/** Policies of this kind are for the pods of their own namespace. */
export const isNamespacedKind = (kind: unknown): boolean =>
  kind === "TracingPolicyNamespaced" || kind === "GuardPolicyNamespaced";

/** It has the fields that are possible in kinds of our own only. */
export const isGuardKind = (kind: unknown): boolean =>
  kind === "GuardPolicy" || kind === "GuardPolicyNamespaced";

/** The kind with the same scope that has all fields. */
export const guardKindOf = (kind: unknown): PolicyKind =>
  isNamespacedKind(kind) ? "GuardPolicyNamespaced" : "GuardPolicy";
