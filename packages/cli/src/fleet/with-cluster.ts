// SPDX-License-Identifier: Apache-2.0
import type { KubeClient } from "@gander/kube";
import type { ClusterValues } from "./fleet-options.ts";

/** Runs `use` on the API server, with the user's own rights. */
export async function withCluster<T>(
  values: ClusterValues,
  use: (client: KubeClient) => Promise<T>,
): Promise<T> {
  // Loaded late: help needs none of it.
  const { clusterAccess } = await import("./cluster-access.ts");
  using cluster = clusterAccess(values);
  return await use(await cluster.client());
}
