// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** The link from clients to a server on this machine, or to several like a Service; it can be interrupted. */
export type NetworkLink = AsyncDisposable & {
  readonly port: number;
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** Open connections, including stalled ones. */
  readonly connections: number;
  /**
   * Forwards nothing more and closes nothing, as when packets are dropped: for the open
   * connections, or for `all`, including new ones.
   */
  stall(which: "standing" | "all"): void;
  /** Resets all connections. */
  reset(): void;
  /** Stalled connections continue, with the data sent meanwhile. */
  resume(): void;
  /** Resets stalled connections, losing the data sent meanwhile; forwards new connections. */
  restore(): void;
};

type Pair = { readonly client: Socket; server?: Socket };

/** @param serverPorts ports in service; skips one that refuses; each connection starts with the next. */
export async function createNetworkLink(
  serverPorts: () => readonly number[],
): Promise<NetworkLink> {
  const pairs = new Set<Pair>();
  const stalled = new Set<Pair>();
  let stallsAll = false;
  let next = 0;
  const listener = createServer((client) => {
    const pair: Pair = { client };
    pairs.add(pair);
    closesWith(pair, client);
    if (stallsAll) stalled.add(pair);
    void reach(pair);
  });

  function closesWith(pair: Pair, socket: Socket): void {
    socket.setNoDelay().on("error", () => undefined);
    socket.once("close", () => close(pair));
  }

  async function reach(pair: Pair): Promise<void> {
    const ports = serverPorts();
    for (let tries = 0; tries < ports.length && pairs.has(pair); tries++) {
      const server = connect(ports[next++ % ports.length] ?? 0, "127.0.0.1");
      const accepts = await once(server, "connect").then(
        () => true,
        () => false,
      );
      if (!accepts) continue;
      pair.server = server;
      closesWith(pair, server);
      if (!pairs.has(pair)) close(pair);
      else if (!stalled.has(pair)) join(pair);
      return;
    }
    close(pair);
  }

  function join({ client, server }: Pair): void {
    if (server !== undefined) client.pipe(server).pipe(client);
  }

  function hold(pair: Pair): void {
    stalled.add(pair);
    pair.client.unpipe().pause();
    pair.server?.unpipe().pause();
  }

  function close(pair: Pair): void {
    pairs.delete(pair);
    stalled.delete(pair);
    pair.client.resetAndDestroy();
    pair.server?.resetAndDestroy();
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
