// SPDX-License-Identifier: Apache-2.0
import { hash } from "node:crypto";
import { apiVersions, isNamespacedKind, isPolicyKind } from "@gander/crd-schemas";
import type { AppliedObject, Kind, KubeObject } from "@gander/kube";
import type { PolicyObject } from "../api/policy-catalog.ts";
import type { RawPolicy } from "../api/read-policy-object.ts";
import { progressAnnotation, type RolloutProgress, readProgress } from "./rollout-progress.ts";

export const controllerRevisions: Kind = {
  group: "apps",
  version: "v1",
  plural: "controllerrevisions",
  kind: "ControllerRevision",
};

const revisionLabels = {
  managedBy: "app.kubernetes.io/managed-by",
  policyUid: "gander.dev/policy-uid",
} as const;

export const revisionSelector = `${revisionLabels.managedBy}=gander-operator`;

/** A generation of a policy that was once accepted, as stored in the API. */
export type StoredRevision = {
  /** Of the ControllerRevision. */
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly policy: PolicyName;
  readonly generation: number;
  readonly progress: RolloutProgress | undefined;
  /** RFC 3339 */
  readonly createdAt: string;
  readonly spec: unknown;
};

export type PolicyName = Pick<PolicyObject, "kind" | "uid" | "namespace" | "name">;

/** The content of a policy's revision. */
export type RevisionContent = {
  readonly policy: PolicyName;
  readonly generation: number;
  readonly spec: unknown;
  readonly progress: RolloutProgress | undefined;
};

type RawRevision = KubeObject & {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly uid: string;
    }[];
  };
  readonly revision?: number;
  readonly data?: { readonly spec?: unknown };
};

/** Owners must be cluster-scoped or in the same namespace: namespaced policies keep revisions beside them. */
function revisionNamespace({ namespace }: PolicyName, ownNamespace: string): string {
  return namespace === "" ? ownNamespace : namespace;
}

/** The same on every replica, so that successive leaders write one object. */
function revisionName({ uid, name }: PolicyName, generation: number): string {
  const short = hash("sha256", `${uid}/${generation}`, "hex").slice(0, 10);
  return `${name.slice(0, 200)}-${short}`;
}

/**
 * The object to apply. Its data is immutable, so a rollback finds the original; only its progress may
 * change.
 */
export function revisionObject(
  { policy, generation, spec, progress }: RevisionContent,
  ownNamespace: string,
): AppliedObject {
  const { kind, uid, name, namespace } = policy;
  const apiVersion = apiVersions[kind];
  return {
    metadata: {
      name: revisionName(policy, generation),
      namespace: revisionNamespace(policy, ownNamespace),
      labels: { [revisionLabels.managedBy]: "gander-operator", [revisionLabels.policyUid]: uid },
      ...(progress && { annotations: { [progressAnnotation]: JSON.stringify(progress) } }),
      ownerReferences: [{ apiVersion, kind, name, uid }],
    },
    revision: generation,
    data: {
      apiVersion,
      kind,
      metadata: namespace === "" ? { name } : { name, namespace },
      spec,
    },
  };
}

/**
 * Undefined unless an operator in `ownNamespace` made it. A user who may write ControllerRevisions in a
 * namespace could change the fallback of that namespace's policies, but of no others.
 */
export function readRevision(raw: RawRevision, ownNamespace: string): StoredRevision | undefined {
  const { metadata, revision: generation = 0, data } = raw;
  const { uid, name, namespace = "", labels = {}, annotations = {}, creationTimestamp } = metadata;
  const owner = metadata.ownerReferences?.find(
    (one) => one.uid === labels[revisionLabels.policyUid],
  );
  if (owner === undefined || data === undefined) return undefined;
  const { kind } = owner;
  if (!isPolicyKind(kind)) return undefined;
  const isNamespaced = isNamespacedKind(kind);
  if (!isNamespaced && namespace !== ownNamespace) return undefined;
  const policy = {
    kind,
    uid: owner.uid,
    name: owner.name,
    namespace: isNamespaced ? namespace : "",
  };
  if (name !== revisionName(policy, generation)) return undefined;
  return {
    uid,
    namespace,
    name,
    policy,
    generation,
    progress: readProgress(annotations[progressAnnotation]),
    createdAt: creationTimestamp ?? "",
    spec: data.spec,
  };
}

/** As if the policy had been read from the API at that time. */
export function policyOfRevision({ policy, generation, spec }: RevisionContent): RawPolicy {
  const { uid, name, namespace } = policy;
  const metadata = { uid, name, resourceVersion: "", generation };
  return { metadata: namespace === "" ? metadata : { ...metadata, namespace }, spec };
}
