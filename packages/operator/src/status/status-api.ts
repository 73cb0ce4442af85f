// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { kinds } from "@gander/crd-schemas";
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
import { policyKinds } from "../api/cluster-resources.ts";
import type { PolicyObject } from "../api/policy-catalog.ts";
import { operatorFieldManager, policyExists } from "../policies/revision-keeper.ts";
import type { PolicyStatuses } from "./policy-status-objects.ts";

/** Kinds of PolicyStatus, each with the kind of policy it describes. */
export const rollUpKinds: readonly (Kind & { readonly policyKind: PolicyObject["kind"] })[] = [
  { ...kindNamed("PolicyStatus"), policyKind: "TracingPolicy" },
  { ...kindNamed("PolicyStatusNamespaced"), policyKind: "TracingPolicyNamespaced" },
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
      await applyObject(
        client,
        rollUpKind(kind),
        {
          metadata: { ...place, ownerReferences: [{ apiVersion, kind, name, uid }] },
          status: statuses.rollUp,
        },
        writer,
      );
      if (withoutStatus.has(kind)) return;
      try {
        const object = { metadata: { ...place, uid }, status: statuses.policy };
        await applyStatus(client, policyKind(kind), object, writer);
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
      const policy = { kind, name, namespace: namespace ?? "", uid: owner };
      if (await policyExists(client, policy)) return;
      await deleteObject(client, rollUpKind(kind), { ...place, uid }, { permit });
    },
  };
}

type Owned = KubeObject & {
  readonly metadata: { readonly ownerReferences?: readonly { readonly uid: string }[] };
};

async function rollUpOwner(
  client: KubeClient,
  kind: Kind,
  place: { readonly name: string; readonly namespace?: string },
): Promise<{ readonly uid: string; readonly owner: string } | undefined> {
  try {
    const { metadata } = await client.get<Owned>({
      task: `get ${kind.plural} "${place.name}"`,
      path: resourcePath(kind, place),
    });
    return { uid: metadata.uid, owner: metadata.ownerReferences?.[0]?.uid ?? "" };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const isNotFound = (error: unknown) =>
  error instanceof KubeError && error.code === "kube-not-found";

const apiVersion = "cilium.io/v1alpha1";

function kindNamed(name: string): Kind {
  const found = kinds.find(({ kind }) => kind === name);
  if (found === undefined) throw new TypeError(`crd-schemas has no kind ${name}`);
  const { group, version, plural, kind } = found;
  return { group, version, plural, kind };
}

const rollUpKind = (of: PolicyObject["kind"]): Kind => required(rollUpKinds, of, "policyKind");
const policyKind = (of: PolicyObject["kind"]): Kind => required(policyKinds, of, "kind");

function required<K extends string, T extends Kind & { readonly [key in K]: string }>(
  all: readonly T[],
  value: string,
  key: K,
): Kind {
  const found = all.find((one) => one[key] === value);
  if (found === undefined) throw new TypeError(`no kind for ${value}`);
  const { group, version, plural, kind } = found;
  return { group, version, plural, kind };
}
