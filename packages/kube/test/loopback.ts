// SPDX-License-Identifier: Apache-2.0
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type CredentialSource,
  type Credentials,
  createCachedSource,
} from "../src/client/credentials.ts";

/** Lets a server listen on this machine alone; any free port if none is given. */
export async function listen(server: Server, port = 0): Promise<void> {
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
}

export async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Leads clients to the server. `headers` is asked whenever credentials are read. */
export function sourceOf(
  server: Server,
  headers: () => Credentials["headers"] = () => ({}),
  path = "",
): CredentialSource {
  return createCachedSource(
    async () => ({
      server: new URL(`http://127.0.0.1:${portOf(server)}${path}`),
      headers: headers(),
      tls: {},
    }),
    { namespace: "default" },
  );
}
