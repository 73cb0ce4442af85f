// SPDX-License-Identifier: Apache-2.0
import { connect, createServer, type NetConnectOpts, type Server } from "node:net";

/** A server, not yet listening, that joins each connection to a new one to `target`. */
export function createForwarder(target: NetConnectOpts): Server {
  return createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ ...target, allowHalfOpen: true });
    client.pipe(server).pipe(client);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
}
