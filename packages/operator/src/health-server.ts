// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:http";
import type { MetricsHandler } from "@gander/metrics";
import type { ListenAddress } from "./listen-address.ts";
import { listenAt } from "./listen-at.ts";

type HealthDeps = {
  /** Reasons why this replica can't serve; empty if there are none. */
  readonly problems: () => readonly string[];
  /** Answers requests for metrics. */
  readonly metrics?: MetricsHandler;
};

type HealthServer = AsyncDisposable & { readonly address: ListenAddress };

/**
 * `/healthz`: the event loop runs; `/readyz`: ready for new connections, else 503 and one line per missing
 * thing; `/metrics`. Rejects with `operator-address`.
 */
export async function createHealthServer(
  { problems, metrics }: HealthDeps,
  where: ListenAddress,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    if (metrics?.(request, response)) return;
    const { url } = request;
    const text = (status: number, body: string) =>
      response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${body}\n`);
    if (url === "/healthz") text(200, "ok");
    else if (url === "/readyz") {
      const found = problems();
      if (found.length === 0) text(200, "ok");
      else text(503, found.join("\n"));
    } else text(404, "there is /healthz, /readyz and /metrics");
  });
  const address = await listenAt(server, where, "metrics-address");
  return {
    address,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
