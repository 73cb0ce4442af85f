// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** The way from a client to a server on this machine, which can be interrupted. */
export type NetworkLink = AsyncDisposable & {
  readonly port: number;
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** Connections that stand, also those that hang. */
  readonly connections: number;
  /**
   * Nothing is forwarded any more and nothing is closed, as when packets are dropped: on the
   * connections that stand, or on `all`, those to come too.
   */
  stall(which: "standing" | "all"): void;
  /** All connections are reset. */
  reset(): void;
  /** What was stalled goes on, with what was sent meanwhile. */
  resume(): void;
  /** What was stalled is reset, and what was sent meanwhile is lost; what comes is forwarded. */
  restore(): void;
};

type Pair = { readonly client: Socket; readonly server: Socket };

export async function createNetworkLink(serverPort: number): Promise<NetworkLink> {
  const pairs = new Set<Pair>();
  const stalled = new Set<Pair>();
  let stallsAll = false;
  const listener = createServer((client) => {
    const server = connect(serverPort, "127.0.0.1");
    const pair = { client, server };
    pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay();
      socket.on("error", () => undefined);
      socket.on("close", () => close(pair));
    }
    if (stallsAll) hold(pair);
    else join(pair);
  });

  function join({ client, server }: Pair): void {
    client.pipe(server);
    server.pipe(client);
  }

  function hold(pair: Pair): void {
    stalled.add(pair);
    pair.client.unpipe().pause();
    pair.server.unpipe().pause();
  }

  function close(pair: Pair): void {
    pairs.delete(pair);
    stalled.delete(pair);
    pair.client.resetAndDestroy();
    pair.server.resetAndDestroy();
  }

  const closeAll = (which: ReadonlySet<Pair>) => {
    for (const pair of [...which]) close(pair);
  };
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;

  return {
    port,
    url: `https://127.0.0.1:${port}`,
    get connections() {
      return pairs.size;
    },
    stall(which) {
      stallsAll = which === "all";
      for (const pair of pairs) hold(pair);
    },
    reset: () => closeAll(pairs),
    resume() {
      stallsAll = false;
      for (const pair of stalled) join(pair);
      stalled.clear();
    },
    restore() {
      stallsAll = false;
      closeAll(stalled);
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => listener.close(resolve));
      closeAll(pairs);
      await closed;
    },
  };
}
