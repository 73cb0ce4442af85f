// SPDX-License-Identifier: Apache-2.0
import {
  deleteObject,
  KubeError,
  type KubeObject,
  type Resource,
  resourcePath,
  unfenced,
} from "@gander/kube";
import {
  webhookConfigurationName,
  webhookConfigurations,
} from "../admission/webhook-configuration.ts";
import { configMaps, policyKinds, secrets } from "../api/cluster-resources.ts";
import { controllerRevisions, revisionSelector } from "../policies/revision-object.ts";
import { rollUpKinds } from "../status/status-api.ts";
import type { Uninstall } from "./step.ts";

const leases: Resource = { group: "coordination.k8s.io", version: "v1", plural: "leases" };

/** Deletes what operators have made. Policies stay, without a status: nobody computes it any more. */
export async function deleteObjects(
  uninstall: Uninstall,
  { revisions }: { readonly revisions: "delete" | "keep" },
): Promise<void> {
  const { client, logger, namespace, signal } = uninstall;
  const remove = (
    resource: Resource,
    place: { readonly namespace?: string; readonly name: string },
  ) => deleteObject(client, resource, place, { permit: unfenced, signal });
  // First: with `failurePolicy: Fail` it would refuse every change of policies.
  await remove(webhookConfigurations, { name: webhookConfigurationName });
  let policies = 0;
  for (const kind of policyKinds)
    for (const { metadata } of await listAll(uninstall, kind)) {
      await clearStatus(uninstall, kind, placeOf(metadata));
      policies += 1;
    }
  for (const kind of rollUpKinds)
    for (const { metadata } of await listAll(uninstall, kind))
      await remove(kind, placeOf(metadata));
  let deleted = 0;
  if (revisions === "delete")
    for (const { metadata } of await listAll(uninstall, controllerRevisions, revisionSelector)) {
      await remove(controllerRevisions, placeOf(metadata));
      deleted += 1;
    }
  await remove(configMaps, { namespace, name: "gander-operator-ca" });
  await remove(secrets, { namespace, name: "gander-operator-tls" });
  await remove(leases, { namespace, name: "gander-operator" });
  logger.info("Objects of the operator were deleted", { policies, revisions: deleted });
}

const placeOf = ({ namespace, name }: KubeObject["metadata"]) =>
  namespace === undefined ? { name } : { namespace, name };

type Page = {
  readonly metadata: { readonly continue?: string };
  readonly items: readonly KubeObject[];
};

/** None if the API has no such kind. */
async function listAll(
  { client, signal }: Uninstall,
  resource: Resource,
  labelSelector?: string,
): Promise<readonly KubeObject[]> {
  const found: KubeObject[] = [];
  let resume: string | undefined;
  do {
    try {
      const { metadata, items } = await client.get<Page>({
        task: `list ${resource.plural}`,
        path: resourcePath(resource),
        query: { labelSelector, limit: 250, continue: resume },
        signal,
      });
      found.push(...items);
      resume = metadata.continue || undefined;
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  } while (resume !== undefined);
  return found;
}

async function clearStatus(
  { client, signal }: Uninstall,
  kind: Resource,
  place: { readonly namespace?: string; readonly name: string },
): Promise<void> {
  try {
    await client.write({
      task: `clear the status of ${kind.plural} "${place.name}"`,
      method: "PATCH",
      path: resourcePath(kind, { ...place, subresource: "status" }),
      contentType: "application/merge-patch+json",
      body: { status: null },
      permit: unfenced,
      signal,
    });
  } catch (error) {
    // Deleted meanwhile, or the definition is another product's and has no status.
    if (!isNotFound(error)) throw error;
  }
}

const isNotFound = (error: unknown) =>
  error instanceof KubeError && error.code === "kube-not-found";
