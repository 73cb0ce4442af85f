// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "@gander/base";

/** A request was for the metrics and is answered. */
export type MetricsHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/** How long an answer is reused: frequent requests cost no more. */
const freshMs = 1_000;

/** Answers `GET /metrics`; other requests are left to the caller. */
export function createMetricsHandler(
  {
    logger,
    now = () => performance.now(),
  }: { readonly logger: Logger; readonly now?: () => number },
  metrics: { text(): Promise<string> },
): MetricsHandler {
  let last: { readonly text: Promise<string>; readonly atMs: number } | undefined;
  const text = () => {
    if (last === undefined || now() - last.atMs >= freshMs)
      last = { text: metrics.text(), atMs: now() };
    return last.text;
  };
  return (request, response) => {
    if (request.url?.split("?", 1)[0] !== "/metrics") return false;
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return true;
    }
    text().then(
      (body) =>
        response
          .writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" })
          .end(request.method === "HEAD" ? undefined : body),
      (error: unknown) => {
        last = undefined;
        logger.warn("Metrics cannot be collected", { error });
        response.writeHead(500).end();
      },
    );
    return true;
  };
}
