// SPDX-License-Identifier: Apache-2.0
import type { ClusterAccess } from "./cluster-access.ts";
import type { FleetClient } from "./fleet-client.ts";
import type { FleetValues } from "./fleet-options.ts";

/** Does something with a connection to the operator, and closes it. */
export async function withFleet<T>(
  values: FleetValues,
  use: (fleet: FleetClient) => Promise<T>,
): Promise<T> {
  const { clusterAccess } = await import("./cluster-access.ts");
  using cluster = clusterAccess(values);
  using fleet = await connectOperator(values, cluster);
  return await use(fleet);
}

export async function connectOperator(
  values: FleetValues,
  cluster: ClusterAccess,
): Promise<FleetClient> {
  // Loaded late: help and pipes need none of it.
  const [{ fleetChannel }, { connectFleet }] = await Promise.all([
    import("./fleet-channel.ts"),
    import("./fleet-client.ts"),
  ]);
  return connectFleet(await fleetChannel(values, cluster), { timeoutMs: values.timeout });
}
