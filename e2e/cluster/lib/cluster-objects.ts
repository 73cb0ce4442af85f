// SPDX-License-Identifier: Apache-2.0
// Objects that controllers, the scheduler and the kubelet would create or write, made by hand.
import { randomUUID } from "node:crypto";
import { createObject, deleteObject, type KubeClient, resourcePath, unfenced } from "@gander/kube";

const writer = { permit: unfenced, fieldManager: "gander-e2e" };
const core = { group: "", version: "v1" };
const namespaces = { ...core, plural: "namespaces", kind: "Namespace" };
const serviceAccounts = { ...core, plural: "serviceaccounts", kind: "ServiceAccount" };
const nodes = { ...core, plural: "nodes", kind: "Node" };
const pods = { ...core, plural: "pods", kind: "Pod" };

export type Labels = Readonly<Record<string, string>>;

/** An existing object, as far as others refer to it. */
export type Created = { readonly name: string; readonly uid: string };

type Answer = { readonly metadata: Created };

export async function createNamespace(
  client: KubeClient,
  name: string,
  labels: Labels = {},
): Promise<Created> {
  const object = { metadata: { name, labels } };
  return (await createObject<Answer>(client, namespaces, object, writer)).metadata;
}

export async function createServiceAccount(
  client: KubeClient,
  namespace: string,
  name: string,
): Promise<Created> {
  const object = { metadata: { namespace, name } };
  return (await createObject<Answer>(client, serviceAccounts, object, writer)).metadata;
}

/** A Node that is Ready. */
export async function createNode(
  client: KubeClient,
  name: string,
  labels: Labels = {},
): Promise<Created> {
  const object = { metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } } };
  const { metadata } = await createObject<Answer>(client, nodes, object, writer);
  await patchStatus(client, nodes, { name }, { conditions: [{ type: "Ready", status: "True" }] });
  return metadata;
}

export type ContainerSpec = {
  readonly name: string;
  readonly image: string;
  readonly livenessProbe?: object;
  readonly readinessProbe?: object;
};

export type PodSpec = {
  readonly namespace: string;
  readonly name: string;
  /** The name of the Node it runs on. */
  readonly node: string;
  /** `default` if absent; needs to exist only for tokens. */
  readonly serviceAccount?: string;
  readonly labels?: Labels;
  readonly annotations?: Labels;
  /** Its controller, which need not exist. */
  readonly owner?: { readonly kind: string; readonly name: string };
  /** One container named `main` if absent. */
  readonly containers?: readonly ContainerSpec[];
};

/** A Pod that runs on its node. */
export async function createPod(client: KubeClient, spec: PodSpec): Promise<Created> {
  const { namespace, name, node, serviceAccount = "default", labels = {}, owner } = spec;
  const ownerReferences = owner && [
    { ...owner, apiVersion: "apps/v1", uid: randomUUID(), controller: true },
  ];
  const containers = spec.containers ?? [{ name: "main", image: "example.com/main:1" }];
  const object = {
    metadata: {
      ...{ namespace, name, labels },
      ...(spec.annotations && { annotations: spec.annotations }),
      ...(ownerReferences && { ownerReferences }),
    },
    spec: { nodeName: node, serviceAccountName: serviceAccount, containers },
  };
  const { metadata } = await createObject<Answer>(client, pods, object, writer);
  await patchStatus(
    client,
    pods,
    { namespace, name },
    {
      phase: "Running",
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses: containers.map((container) => runningContainer(container, metadata.uid)),
    },
  );
  return metadata;
}

/** Deletes it at once, as if the kubelet had seen its end. */
export async function deletePod(
  client: KubeClient,
  namespace: string,
  name: string,
): Promise<void> {
  await client.write({
    task: `delete pod "${namespace}/${name}"`,
    method: "DELETE",
    permit: unfenced,
    path: resourcePath(pods, { namespace, name }),
    query: { gracePeriodSeconds: 0 },
  });
}

export function deleteNode(client: KubeClient, name: string): Promise<void> {
  return deleteObject(client, nodes, { name }, writer);
}

function runningContainer({ name, image }: { name: string; image: string }, podUid: string) {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  return {
    name,
    image,
    imageID: image,
    containerID: `containerd://${podUid.replaceAll("-", "")}${Buffer.from(name).toString("hex")}`,
    ready: true,
    restartCount: 0,
    state: { running: { startedAt: now } },
  };
}

async function patchStatus(
  client: KubeClient,
  resource: typeof pods,
  place: { readonly namespace?: string; readonly name: string },
  status: unknown,
): Promise<void> {
  await client.write({
    task: `write the status of ${resource.plural} "${place.name}"`,
    method: "PATCH",
    permit: unfenced,
    path: resourcePath(resource, { ...place, subresource: "status" }),
    contentType: "application/merge-patch+json",
    body: { status },
  });
}
