// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { GanderError } from "@gander/base";

export type HealthServer = AsyncDisposable & { readonly port: number };

/**
 * Answers the probes of a kubelet, in plain HTTP. `/healthz`: the sensor runs; `/readyz`: 200 if `problems`
 * returns none, else 503 with one line for each. Without a host it listens at all addresses. Throws GanderError if it cannot listen there.
 */
export async function serveHealth(
  problems: () => readonly string[],
  { host, port }: { readonly host: string | undefined; readonly port: number },
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const text = (status: number, body: string) =>
      response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${body}\n`);
    if (request.url === "/healthz") text(200, "ok");
    else if (request.url === "/readyz") {
      const found = problems();
      if (found.length === 0) text(200, "ok");
      else text(503, found.join("\n"));
    } else text(404, "there is /healthz and /readyz");
  });
  server.headersTimeout = server.requestTimeout = 10_000;
  server.maxConnections = 50;
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GanderError(
      "configuration-bad-value",
      `Cannot answer probes at ${host ?? "any address,"} port ${port}: ${why}`,
      { hint: "Correct --health-server-address.", cause },
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
