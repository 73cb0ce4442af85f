// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What a Service is to a node: one address before all replicas, and the network in between. */
export type Service = AsyncDisposable & {
  readonly port: number;
  /** Nothing arrives and nothing is closed, as when packets are dropped; also for connections to come. */
  cut(): void;
  /** What hung is reset; what comes is forwarded. */
  restore(): void;
};

/** @param ports of the replicas, on 127.0.0.1; those that refuse are passed over, the next one begins with the next. */
export async function createService(ports: () => readonly number[]): Promise<Service> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let next = 0;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.setNoDelay().on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
    return socket;
  };
  const forward = async (client: Socket): Promise<void> => {
    if (isCut) return;
    const replicas = ports();
    for (let tries = 0; tries < replicas.length; tries++) {
      const port = replicas[next++ % replicas.length] ?? 0;
      const server = keep(connect(port, "127.0.0.1"));
      const isThere = await once(server, "connect").then(
        () => true,
        () => false,
      );
      if (!isThere) continue;
      client.pipe(server).pipe(client);
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const)
        one.once("close", () => other.resetAndDestroy());
      return;
    }
    client.resetAndDestroy();
  };
  const listener = createServer((client) => void forward(keep(client)));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const resetAll = () => {
    for (const socket of [...sockets]) socket.resetAndDestroy();
  };
  return {
    port: (listener.address() as AddressInfo).port,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    restore() {
      isCut = false;
      resetAll();
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      resetAll();
      await closed;
    },
  };
}
