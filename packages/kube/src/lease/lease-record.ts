// SPDX-License-Identifier: Apache-2.0
import type { V1Lease } from "@kubernetes/client-node";
import type { KubeClient, KubeWrite } from "../client/client.ts";
import { resourcePath } from "../client/resource.ts";
import { unfenced } from "../client/write-permit.ts";
import { microTime } from "../clock/micro-time.ts";
import type { Raw } from "../list-watch/kube-object.ts";

/** The content of a Lease, with its version. */
export type LeaseRecord = {
  readonly resourceVersion: string;
  /** Empty if it has no holder. */
  readonly holder: string;
  readonly durationMs: number;
  readonly transitions: number;
  readonly acquireTime: string;
};

export type LeaseAccess = {
  /** Throws `kube-not-found` if there is none. */
  read(limits: LeaseLimits): Promise<LeaseRecord>;
  create(record: LeaseContent, limits: LeaseLimits): Promise<LeaseRecord>;
  /** Throws `kube-conflict` if it has changed since `resourceVersion`. */
  replace(
    record: LeaseContent & { readonly resourceVersion: string },
    limits: LeaseLimits,
  ): Promise<LeaseRecord>;
};

export type LeaseContent = Omit<LeaseRecord, "resourceVersion">;
export type LeaseLimits = { readonly signal?: AbortSignal; readonly timeoutMs: number };

const leases = { group: "coordination.k8s.io", version: "v1", plural: "leases" };

/** Reads and writes one Lease. Its writes have no permit: permits depend on them. */
export function createLeaseAccess(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): LeaseAccess {
  const task = (verb: string) => `${verb} lease "${namespace}/${name}"`;
  const path = resourcePath(leases, { namespace, name });

  async function send(request: Omit<KubeWrite, "permit">): Promise<LeaseRecord> {
    return toRecord(await client.write<Raw<V1Lease>>({ ...request, permit: unfenced }));
  }

  function toLease(content: LeaseContent, resourceVersion?: string): unknown {
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { namespace, name, resourceVersion },
      spec: {
        holderIdentity: content.holder,
        // The API requires at least 1 s.
        leaseDurationSeconds: Math.max(1, Math.ceil(content.durationMs / 1000)),
        leaseTransitions: content.transitions,
        acquireTime: content.acquireTime,
        renewTime: microTime(),
      },
    };
  }

  return {
    async read(limits) {
      return toRecord(await client.get<Raw<V1Lease>>({ task: task("read"), path, ...limits }));
    },
    create: (content, limits) =>
      send({
        task: task("create"),
        method: "POST",
        path: resourcePath(leases, { namespace }),
        body: toLease(content),
        ...limits,
      }),
    replace: ({ resourceVersion, ...content }, limits) =>
      send({
        task: task("renew"),
        method: "PUT",
        path,
        body: toLease(content, resourceVersion),
        ...limits,
      }),
  };
}

function toRecord({ metadata, spec }: Raw<V1Lease>): LeaseRecord {
  return {
    resourceVersion: metadata?.resourceVersion ?? "",
    holder: spec?.holderIdentity ?? "",
    durationMs: (spec?.leaseDurationSeconds ?? 0) * 1000,
    transitions: spec?.leaseTransitions ?? 0,
    acquireTime: spec?.acquireTime ?? microTime(),
  };
}
