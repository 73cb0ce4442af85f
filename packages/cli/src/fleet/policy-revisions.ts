// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import {
  isNamespacedKind,
  type PolicyKind,
  policyKindNames,
  resourceOf,
} from "@gander/crd-schemas";
import { type KubeClient, KubeError, resourcePath, unfenced } from "@gander/kube";

type PolicyPlace = { readonly namespace: string; readonly name: string };

/** A policy as the API has it. */
type ClusterPolicy = {
  readonly kind: PolicyKind;
  readonly uid: string;
  readonly generation: number;
  readonly spec: unknown;
  /** All of it, to be written back. */
  readonly object: Readonly<Record<string, unknown>>;
  /** What keeps it as Git says, if anything shows that; empty if not. */
  readonly keeper: string;
};

/** A generation that the operator has kept. */
export type PolicyRevision = {
  readonly generation: number;
  /** RFC 3339 */
  readonly createdAt: string;
  readonly spec: unknown;
};

type RawObject = {
  readonly metadata?: {
    readonly uid?: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
};

type RawRevision = {
  readonly metadata?: {
    readonly creationTimestamp?: string;
    readonly ownerReferences?: readonly { readonly uid?: string }[];
  };
  readonly revision?: number;
  readonly data?: { readonly spec?: unknown };
};

/**
 * The one of that name, of whatever kind. An empty namespace: a policy for the whole cluster. Throws GanderError,
 * `client-not-found` if there is none.
 */
export async function readPolicy(client: KubeClient, place: PolicyPlace): Promise<ClusterPolicy> {
  const isNamespaced = place.namespace !== "";
  const possible = policyKindNames.filter((kind) => isNamespacedKind(kind) === isNamespaced);
  for (const kind of possible) {
    const found = await readKind(client, kind, place);
    if (found !== undefined) return found;
  }
  const where = isNamespaced ? ` in namespace "${place.namespace}"` : "";
  throw new GanderError(
    "client-not-found",
    `There is no ${possible.join(" or ")} "${place.name}"${where}`,
    {
      hint: isNamespaced
        ? "Without -n it is looked for among the policies of the whole cluster."
        : "A policy of a namespace needs it: -n NAME.",
    },
  );
}

async function readKind(
  client: KubeClient,
  kind: PolicyKind,
  place: PolicyPlace,
): Promise<ClusterPolicy | undefined> {
  try {
    const object = await client.get<RawObject & Readonly<Record<string, unknown>>>({
      task: `read ${kind} "${place.name}"`,
      path: policyPath(kind, place),
    });
    const { metadata = {}, spec } = object;
    const { uid = "", generation = 0 } = metadata;
    return { kind, uid, generation, spec, object, keeper: keeperOf(metadata) };
  } catch (error) {
    if (error instanceof KubeError && error.code === "kube-not-found") return undefined;
    throw error;
  }
}

/** What the operator has kept of a policy, newest first. */
export async function readRevisions(
  client: KubeClient,
  { uid }: ClusterPolicy,
  {
    namespace,
    operatorNamespace,
  }: { readonly namespace: string; readonly operatorNamespace: string },
): Promise<readonly PolicyRevision[]> {
  const { items = [] } = await client.get<{ readonly items?: readonly RawRevision[] }>({
    task: "list the policy's revisions",
    path: resourcePath(
      { group: "apps", version: "v1", plural: "controllerrevisions" },
      { namespace: namespace === "" ? operatorNamespace : namespace },
    ),
    query: {
      labelSelector: `app.kubernetes.io/managed-by=gander-operator,gander.dev/policy-uid=${uid}`,
    },
  });
  return items
    .filter(({ metadata }) => metadata?.ownerReferences?.some((owner) => owner.uid === uid))
    .flatMap(({ metadata, revision, data }) =>
      revision === undefined || data === undefined
        ? []
        : [
            {
              generation: revision,
              createdAt: metadata?.creationTimestamp ?? "",
              spec: data.spec,
            },
          ],
    )
    .sort((a, b) => b.generation - a.generation);
}

/** One of them. Throws a GanderError that names those that exist. */
export function revisionOf(
  revisions: readonly PolicyRevision[],
  generation: number,
): PolicyRevision {
  const found = revisions.find((one) => one.generation === generation);
  if (found !== undefined) return found;
  const there = revisions.map((one) => one.generation).join(", ");
  throw new GanderError("client-not-found", `There is no revision ${generation} of this policy`, {
    hint: there === "" ? "The operator has kept none." : `The operator has kept: ${there}.`,
  });
}

/** Writes `spec` in the place of the policy's; gives its new generation. Refused if it was changed meanwhile. */
export async function writeSpec(
  client: KubeClient,
  place: PolicyPlace,
  { kind, object }: ClusterPolicy,
  { spec, mode }: { readonly spec: unknown; readonly mode: "store" | "dry-run" },
): Promise<number> {
  const { status: _, ...rest } = object;
  const written = await client.write<RawObject>({
    task: `write policy "${place.name}"`,
    method: "PUT",
    path: policyPath(kind, place),
    query: {
      fieldManager: "gander-rollback",
      fieldValidation: "Strict",
      dryRun: mode === "dry-run" ? "All" : undefined,
    },
    permit: unfenced,
    body: { ...rest, spec },
  });
  return written.metadata?.generation ?? 0;
}

function policyPath(kind: PolicyKind, { namespace, name }: PolicyPlace): string {
  return resourcePath(resourceOf(kind), namespace === "" ? { name } : { namespace, name });
}

/** How Argo CD, Flux and Helm mark what they keep. */
const marks: readonly (readonly [string, string])[] = [
  ["argocd.argoproj.io/tracking-id", "Argo CD"],
  ["argocd.argoproj.io/instance", "Argo CD"],
  ["kustomize.toolkit.fluxcd.io/name", "Flux"],
  ["helm.toolkit.fluxcd.io/name", "Flux"],
  ["meta.helm.sh/release-name", "Helm"],
];

function keeperOf({ labels = {}, annotations = {} }: NonNullable<RawObject["metadata"]>): string {
  const all = { ...labels, ...annotations };
  return marks.find(([mark]) => all[mark] !== undefined)?.[1] ?? "";
}
