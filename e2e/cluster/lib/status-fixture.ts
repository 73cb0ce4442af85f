// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { expect } from "vitest";
import { stringify } from "yaml";
import type { ControlPlane } from "../control-plane.ts";

const folder = join(import.meta.dirname, "../fixtures/statuses");

type KubeObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status?: { readonly conditions?: readonly object[] };
};

/**
 * Compares the fixture of that name with the current state of the API: the policy and its PolicyStatus,
 * as the operator wrote them, without times and UIDs. `vitest -u` updates it.
 */
export async function expectFixture(
  cluster: ControlPlane,
  fixture: string,
  policy: string,
): Promise<void> {
  const object = await read(cluster, "tracingpolicy", policy);
  const rollUp = (await read(cluster, "policystatus", policy)) ?? {
    apiVersion: "gander.dev/v1alpha1",
    kind: "PolicyStatus",
    metadata: { name: policy },
  };
  const text = [object, rollUp].map((one) => stringify(one, { lineWidth: 0 })).join("---\n");
  await expect(text).toMatchFileSnapshot(join(folder, `${fixture}.yaml`));
}

async function read(
  cluster: ControlPlane,
  kind: string,
  name: string,
): Promise<object | undefined> {
  const what = ["get", kind, name, "--ignore-not-found", "--output=json"];
  const { stdout } = await cluster.kubectl(what);
  if (stdout.trim() === "") return undefined;
  const { apiVersion, kind: itsKind, metadata, status }: KubeObject = JSON.parse(stdout);
  const conditions = status?.conditions?.map((one) => ({ ...one, lastTransitionTime: time }));
  return {
    apiVersion,
    kind: itsKind,
    metadata: plainMetadata(metadata, itsKind),
    ...(status && { status: { ...status, ...(conditions && { conditions }) } }),
  };
}

const time = "2026-11-20T15:04:05Z";
const uid = "6f1f3a52-8d0c-4f6e-9d5c-0f3a1f7f2b11";
const applied = "kubectl.kubernetes.io/last-applied-configuration";

function plainMetadata(metadata: KubeObject["metadata"], kind: string): object {
  const { name, generation, annotations, ownerReferences } = metadata;
  const { [applied]: _, ...own } = (annotations ?? {}) as Record<string, string>;
  const owners = ownerReferences as readonly object[] | undefined;
  return {
    name,
    // The generation of a PolicyStatus counts its writes.
    ...(kind === "TracingPolicy" && { generation }),
    uid,
    creationTimestamp: time,
    ...(Object.keys(own).length > 0 && { annotations: own }),
    ...(owners && { ownerReferences: owners.map((one) => ({ ...one, uid })) }),
  };
}
