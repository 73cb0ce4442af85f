// SPDX-License-Identifier: Apache-2.0
import type { Server, Socket } from "node:net";

/**
 * The connections that a server has, also those in their handshake: nothing else ends these, and a
 * server isn't closed before. Call it before the server listens.
 */
export function trackConnections(server: Server): { destroyAll(): void } {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return {
    destroyAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
