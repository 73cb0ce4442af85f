// SPDX-License-Identifier: Apache-2.0
import type { Server, Socket } from "node:net";

/**
 * Tracks a server's connections, including those in their handshake: nothing else ends these, and the
 * server can't close before. Call it before the server listens.
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
