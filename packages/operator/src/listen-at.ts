// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import type { AddressInfo, ListenOptions, Server } from "node:net";
import { GanderError } from "@gander/base";
import type { ListenAddress } from "./listen-address.ts";

/** Makes the server listen; returns its address. Rejects with `operator-address`, naming the option. */
export async function listenAt(
  server: Server,
  { host, port }: ListenAddress,
  option: string,
  options: ListenOptions = {},
): Promise<ListenAddress> {
  try {
    server.listen({ ...options, host, port });
    await once(server, "listening");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GanderError("operator-address", `Cannot listen at ${host} port ${port}: ${why}`, {
      hint: `give another --${option}`,
      cause,
    });
  }
  const found = server.address() as AddressInfo;
  return { host: found.address, port: found.port };
}
