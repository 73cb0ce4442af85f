// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { GanderError } from "@gander/base";
import { metricsAddress } from "./metrics-address.ts";
import type { MetricsHandler } from "./metrics-handler.ts";

type MetricsServer = AsyncDisposable & { readonly port: number };

/**
 * Serves metrics alone, in plain HTTP. `address` is `host:port`, without a host all of them. Throws
 * GanderError if it cannot listen there.
 */
export async function serveMetrics(
  handler: MetricsHandler,
  address: string,
): Promise<MetricsServer> {
  const { host, port } = metricsAddress(address);
  const server = createServer((request, response) => {
    if (!handler(request, response)) response.writeHead(404).end("There is /metrics\n");
  });
  server.headersTimeout = server.requestTimeout = 10_000;
  server.maxConnections = 50;
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new GanderError(
      "configuration-bad-value",
      `Cannot serve metrics at ${address}: ${reasons[code] ?? code}`,
      { hint: "Correct --metrics-server.", cause },
    );
  }
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there",
  EACCES: "permission denied",
  EADDRNOTAVAIL: "this machine does not have that address",
};
