// SPDX-License-Identifier: Apache-2.0
import type { FleetClient } from "./fleet-client.ts";
import type { FleetValues } from "./fleet-options.ts";

/** Does something with a connection to the operator, and closes it. */
export async function withFleet<T>(
  values: FleetValues,
  use: (fleet: FleetClient) => Promise<T>,
): Promise<T> {
  // Loaded late: help and pipes need none of it.
  const [{ clusterAccess }, { fleetChannel }, { connectFleet }] = await Promise.all([
    import("./cluster-access.ts"),
    import("./fleet-channel.ts"),
    import("./fleet-client.ts"),
  ]);
  using cluster = clusterAccess(values);
  const channel = await fleetChannel(values, cluster);
  using fleet = connectFleet(channel, { timeoutMs: values.timeout });
  return await use(fleet);
}
