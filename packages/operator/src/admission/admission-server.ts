// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { GanderError, type Logger } from "@gander/base";
import { type ServingCertificate, showCertificate } from "../identity/serving-certificate.ts";
import type { ListenAddress } from "../listen-address.ts";
import { listenAt } from "../listen-at.ts";
import type { SessionAnnouncer } from "../sessions/session-announcer.ts";
import { allowReview, answerReview, type Review, readReview } from "./admission-review.ts";
import type { CheckFleet } from "./fleet-report.ts";
import { isExceptionReview, reviewException } from "./review-exception.ts";
import { reviewPolicy } from "./review-policy.ts";
import { isSetReview, type KnownObjects, reviewSet } from "./review-set.ts";
import { SessionPaths } from "./session-path.ts";

export const validatePath = "/validate";

type AdmissionServerDeps = {
  readonly logger: Logger;
  readonly certificate: ServingCertificate;
  readonly checkFleet: CheckFleet;
  readonly known: KnownObjects;
  /** Absent: nobody notes sessions. */
  readonly sessions?: SessionAnnouncer | undefined;
};

type AdmissionServerOptions = {
  /** Largest request; etcd accepts objects up to 1.5 MiB, and a review holds two. */
  readonly bodyBytes?: number;
  /** Concurrent reviews of each kind; further ones are told to retry. */
  readonly reviews?: number;
  readonly connections?: number;
  /** Time limit for receiving a request. */
  readonly requestMs?: number;
  /** Time limit for checks with the kernels, and of a set with its policies; later findings are not reported. */
  readonly checkMs?: number;
};

export type AdmissionServer = AsyncDisposable & { readonly address: ListenAddress };

/**
 * Answers the API server's AdmissionReviews (admission.k8s.io/v1): of policies, sets and exceptions at `/validate`, without side
 * effects; of sessions in pods at a path that only the API server knows, where everything is allowed. Every
 * client in the network can connect, so the cost of a request is bounded. Rejects with `operator-address`.
 */
export async function createAdmissionServer(
  deps: AdmissionServerDeps,
  where: ListenAddress,
  options: AdmissionServerOptions = {},
): Promise<AdmissionServer> {
  const { connections = 256, requestMs = 10_000 } = options;
  const review = createReviewer(deps, options);
  const server = createServer(
    {
      requestTimeout: requestMs,
      headersTimeout: Math.min(5_000, requestMs),
      connectionsCheckingInterval: Math.min(1_000, requestMs),
      // Longer than API servers keep an idle connection (90 s, net/http): one that is closed while it is
      // asked fails open.
      keepAliveTimeout: 120_000,
      handshakeTimeout: 5_000,
      maxHeaderSize: 16 * 1024,
    },
    (request, response) => void review(request, response),
  );
  server.maxConnections = connections;
  const shown = showCertificate(server, deps.certificate);
  const address = await listenAt(server, where, "webhook-address");
  return {
    address,
    async [Symbol.asyncDispose]() {
      shown[Symbol.dispose]();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), 5_000);
      await closed;
      clearTimeout(timer);
    },
  };
}

type Answer = { readonly status: number; readonly body: string | object };

/** A path: what is reviewed there, and how many reviews are running. */
type Route = { running: number; readonly answer: (review: Review) => Promise<object> | object };

function routesOf(
  { checkFleet, known, sessions, certificate }: AdmissionServerDeps,
  { checkMs = 2_000 }: AdmissionServerOptions,
): (path: string) => Route | undefined {
  const answerPolicy = async (review: Review) => {
    const signal = AbortSignal.timeout(checkMs);
    const { sets, catalog } = known;
    if (isExceptionReview(review))
      return answerReview(review, await reviewException(review, catalog, { signal }));
    if (isSetReview(review))
      return answerReview(review, await reviewSet(review, known, { signal }));
    return answerReview(review, await reviewPolicy(review, { checkFleet, sets }, { signal }));
  };
  // Answered in the same turn: neither a full fleet check nor a slow sensor delays anybody's session.
  const answerSession = (review: Review) => {
    sessions?.note(review);
    return allowReview(review);
  };
  const policies: Route = { running: 0, answer: answerPolicy };
  const reported: Route = { running: 0, answer: answerSession };
  const sessionPaths = new SessionPaths(certificate);
  return (path) => {
    if (path === validatePath) return policies;
    return sessions !== undefined && sessionPaths.has(path) ? reported : undefined;
  };
}

function createReviewer(deps: AdmissionServerDeps, options: AdmissionServerOptions) {
  const { logger } = deps;
  const { bodyBytes = 4 * 1024 * 1024, reviews = 24 } = options;
  const routeOf = routesOf(deps, options);
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const route = routeOf(request.url?.split("?", 1)[0] ?? "");
    if (route === undefined) return { status: 404, body: `There is ${validatePath} only` };
    if (request.method !== "POST") return { status: 405, body: "It has to be a POST" };
    if (route.running >= reviews) return { status: 429, body: "Too many reviews at one time" };
    route.running += 1;
    try {
      const body = await readBody(request, bodyBytes);
      if (body === undefined)
        return { status: 413, body: `A review may have ${bodyBytes} bytes at most` };
      const review = readReview(body);
      if (review === undefined)
        return { status: 400, body: "The body is no AdmissionReview of admission.k8s.io/v1" };
      return { status: 200, body: await route.answer(review) };
    } finally {
      route.running -= 1;
    }
  };
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // The client may disconnect at any time.
    response.on("error", () => {});
    try {
      send(response, await answer(request));
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      // Then the API server applies the configuration's failurePolicy.
      logger.error("A request cannot be reviewed", { error: String(error) });
      send(response, {
        status: 500,
        body: "The request could not be reviewed: see the operator's log",
      });
    }
  };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const isText = typeof body === "string";
  const bytes = Buffer.from(isText ? `${body}\n` : JSON.stringify(body));
  response.writeHead(status, {
    "content-type": isText ? "text/plain; charset=utf-8" : "application/json",
    "content-length": bytes.length,
    // The rest of a refused request is not read.
    ...(status === 200 ? {} : { connection: "close" }),
  });
  response.end(bytes);
}

/** Undefined if the body is longer than `limit`. Rejects if the connection breaks. */
async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > limit) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += (chunk as Buffer).length;
    if (length > limit) return undefined;
    chunks.push(chunk as Buffer);
  }
  if (!request.complete) throw new GanderError("operator-address", "The request broke off");
  return Buffer.concat(chunks);
}
