// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@gander/base";
import { type Server, ServerCredentials } from "@grpc/grpc-js";
import type { Listener } from "./listeners.ts";
import { preparePrivateSocket } from "./unix-socket.ts";

export type ListenOptions = {
  readonly logger: Logger;
  /** Delay before a failed address is tried again. */
  readonly retryMs?: number;
};

type NetworkListener = Exclude<Listener, { unix: string }>;

/**
 * Lets a server listen until the result is disposed. Throws an Error if it cannot listen at a socket. A
 * network address that is not available (yet) is retried: that is no reason not to enforce.
 */
export async function listen(
  createServer: () => Server,
  listener: Listener,
  options: ListenOptions,
): Promise<Disposable> {
  if (!("unix" in listener)) return listenInNetwork(createServer, listener, options);
  const socket = await preparePrivateSocket(listener.unix);
  const server = createServer();
  try {
    await bind(server, `unix://${socket.temporaryPath}`, ServerCredentials.createInsecure());
    socket.publish();
  } catch (error) {
    socket.remove();
    throw error;
  }
  return {
    [Symbol.dispose]() {
      // Streams never end by themselves.
      server.forceShutdown();
      socket.remove();
    },
  };
}

async function listenInNetwork(
  createServer: () => Server,
  listener: NetworkListener,
  { logger, retryMs = 5_000 }: ListenOptions,
): Promise<Disposable> {
  const { tcp: address } = listener;
  const credentials = networkCredentials(listener);
  const stop = new AbortController();
  let listening: Server | undefined;
  let told = "";
  const attempt = async (): Promise<void> => {
    const server = createServer();
    try {
      await bind(server, address, credentials);
      listening = server;
      if (stop.signal.aborted) server.forceShutdown();
      else sayOpen(listener, logger);
    } catch (error) {
      server.forceShutdown();
      const problem = error instanceof Error ? error.message : String(error);
      const hint = "Is the port in use, or the address not one of this machine?";
      if (problem !== told)
        logger.error("Cannot listen, will try again", { address, problem, hint });
      told = problem;
    }
  };
  const tryAgain = async (): Promise<void> => {
    while (listening === undefined) {
      await sleep(retryMs, undefined, { signal: stop.signal, ref: false });
      await attempt();
    }
  };
  await attempt();
  if (listening === undefined) tryAgain().catch(() => undefined);
  return {
    [Symbol.dispose]() {
      stop.abort();
      listening?.forceShutdown();
    },
  };
}

function sayOpen({ tcp: address, tls, access }: NetworkListener, logger: Logger): void {
  const may = access === "all" ? "read events and change policies" : "read events";
  if (tls?.clientAuthorities !== undefined) logger.info("Listens in the network", { address });
  else logger.warn(`Anyone who reaches the address may ${may}`, { address });
}

function bind(server: Server, where: string, credentials: ServerCredentials): Promise<void> {
  return new Promise((resolve, reject) =>
    server.bindAsync(where, credentials, (error) => (error === null ? resolve() : reject(error))),
  );
}

function networkCredentials({ tls }: NetworkListener): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = [{ cert_chain: tls.certificate, private_key: tls.key }];
  const authorities = tls.clientAuthorities ?? null;
  return ServerCredentials.createSsl(authorities, pair, authorities !== null);
}
