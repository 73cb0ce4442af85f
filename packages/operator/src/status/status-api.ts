// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  apiVersions,
  isNamespacedKind,
  isPolicyKind,
  type PolicyKind,
  policyKindNames,
  resourceOf,
} from "@gander/crd-schemas";
import {
  applyObject,
  applyStatus,
  deleteObject,
  type Kind,
  type KubeClient,
  KubeError,
  type KubeObject,
  resourcePath,
  type WritePermit,
} from "@gander/kube";
import type { PolicyObject } from "../api/policy-catalog.ts";
import { operatorFieldManager, policyExists } from "../policies/revision-keeper.ts";
import type { PolicyStatuses } from "./policy-status-objects.ts";

/** Kinds of PolicyStatus, each with the kinds of policies it describes. */
export const rollUpKinds: readonly (Kind & { readonly policyKinds: readonly PolicyKind[] })[] = [
  {
    ...resourceOf("PolicyStatus"),
    policyKinds: policyKindNames.filter((kind) => !isNamespacedKind(kind)),
  },
  {
    ...resourceOf("PolicyStatusNamespaced"),
    policyKinds: policyKindNames.filter(isNamespacedKind),
  },
];

export type StatusApi = {
  /** Writes both statuses. */
  write(what: {
    readonly policy: PolicyObject;
    readonly statuses: PolicyStatuses;
    readonly permit: WritePermit;
  }): Promise<void>;
  /** Deletes the PolicyStatus of that name, unless a policy for it exists after all. */
  remove(what: {
    readonly kind: PolicyObject["kind"];
    /** `namespace/name`, or the name alone. */
    readonly key: string;
    readonly permit: WritePermit;
  }): Promise<void>;
};

export function createStatusApi(client: KubeClient, logger: Logger): StatusApi {
  /** Kinds of policies whose CRD, from another product, has no status subresource. */
  const withoutStatus = new Set<string>();
  return {
    async write({ policy, statuses, permit }) {
      const writer = { permit, fieldManager: operatorFieldManager, onConflict: "take" } as const;
      const { kind, uid, name, namespace } = policy;
      const place = namespace === "" ? { name } : { name, namespace };
      const owner = { apiVersion: apiVersions[kind], kind, name, uid };
      // Of two policies of one name it is the other's.
      if (!policy.isNameTaken)
        await applyObject(
          client,
          rollUpKind(kind),
          { metadata: { ...place, ownerReferences: [owner] }, status: statuses.rollUp },
          writer,
        );
      if (withoutStatus.has(kind)) return;
      try {
        const object = { metadata: { ...place, uid }, status: statuses.policy };
        await applyStatus(client, resourceOf(kind), object, writer);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        if (!(await policyExists(client, policy))) return;
        withoutStatus.add(kind);
        logger.warn(
          "The definition of policies has no status: how they fare is in PolicyStatus alone",
          { kind },
        );
      }
    },
    async remove({ kind, key, permit }) {
      const [name = "", namespace] = key.split("/").reverse();
      const place = namespace === undefined ? { name } : { namespace, name };
      const found = await rollUpOwner(client, rollUpKind(kind), place);
      if (found === undefined) return;
      const { uid, owner } = found;
      // It may have been made for a policy of the other kind.
      const of = { kind: isPolicyKind(owner?.kind) ? owner.kind : kind, uid: owner?.uid ?? "" };
      if (await policyExists(client, { ...of, name, namespace: namespace ?? "" })) return;
      await deleteObject(client, rollUpKind(kind), { ...place, uid }, { permit });
    },
  };
}

type Owned = KubeObject & {
  readonly metadata: { readonly ownerReferences?: readonly RollUpOwner[] };
};

type RollUpOwner = { readonly kind: string; readonly uid: string };

async function rollUpOwner(
  client: KubeClient,
  kind: Kind,
  place: { readonly name: string; readonly namespace?: string },
): Promise<{ readonly uid: string; readonly owner: RollUpOwner | undefined } | undefined> {
  try {
    const { metadata } = await client.get<Owned>({
      task: `get ${kind.plural} "${place.name}"`,
      path: resourcePath(kind, place),
    });
    return { uid: metadata.uid, owner: metadata.ownerReferences?.[0] };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const isNotFound = (error: unknown) =>
  error instanceof KubeError && error.code === "kube-not-found";

function rollUpKind(of: PolicyKind): Kind {
  const found = rollUpKinds.find(({ policyKinds }) => policyKinds.includes(of));
  if (found === undefined) throw new TypeError(`no kind of status is for a ${of}`);
  const { group, version, plural, kind } = found;
  return { group, version, plural, kind };
}
