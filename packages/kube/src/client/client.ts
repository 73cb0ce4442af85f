// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from "node:http";
import { createAgentPool } from "./agent-pool.ts";
import type { CredentialSource } from "./credentials.ts";
import { exchange, staleConnection } from "./http-exchange.ts";
import { KubeError } from "./kube-error.ts";
import { readChunks, readText } from "./read-body.ts";
import { statusError } from "./status-error.ts";
import type { WritePermit } from "./write-permit.ts";

export type KubeRequest = {
  /** For messages: `Cannot ${task}: …`, e.g. `list pods`. */
  readonly task: string;
  /** From `resourcePath`, or any other path such as `/version`. */
  readonly path: string;
  /** Undefined values are omitted. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
  /** Time limit until the response begins, and for silence within it; 15,000 if absent. */
  readonly timeoutMs?: number;
};

export type KubeWrite = KubeRequest & {
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE";
  /** The permission for this write; `unfenced` if no Lease guards it. */
  readonly permit: WritePermit;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** `application/json` if absent. */
  readonly contentType?: string;
};

/** Requests to the API server. All of them throw KubeError, or the reason of `signal`. */
export type KubeClient = {
  /** The credentials' own namespace. */
  readonly namespace: string;
  /** A JSON response. Its shape is the API server's promise, not checked here. */
  get<T = unknown>(request: KubeRequest): Promise<T>;
  /** Sent only while `permit` is held, aborted when it ends. The client never repeats it. */
  write<T = unknown>(request: KubeWrite): Promise<T>;
  /** The body as it arrives; ends with `kube-timeout` after `idleMs` without a byte. */
  stream(request: KubeRequest & { readonly idleMs: number }): Promise<AsyncIterable<Uint8Array>>;
  /** Closes all connections, even those in use. */
  close(): void;
};

/** A completed request, for metrics. */
export type RequestOutcome = {
  readonly method: string;
  /** 0 without a response. */
  readonly status: number;
  readonly durationMs: number;
};

export type KubeClientOptions = {
  readonly userAgent?: string;
  /** Largest response to `get` and `write`; 32 MiB if absent. */
  readonly maxAnswerBytes?: number;
  readonly observe?: (outcome: RequestOutcome) => void;
};

type Sent = { readonly request: KubeRequest; readonly method: string; readonly write?: KubeWrite };

export function createKubeClient(
  source: CredentialSource,
  options: KubeClientOptions = {},
): KubeClient {
  const { userAgent = "gander", maxAnswerBytes = 32 << 20 } = options;
  const agents = createAgentPool();

  async function attempt(sent: Sent): Promise<IncomingMessage> {
    const { request, method, write } = sent;
    const credentials = await source.read();
    const startedMs = performance.now();
    let status = 0;
    try {
      const response = await exchange({
        task: request.task,
        method,
        url: urlOf(credentials.server, request),
        headers: { ...headersOf(sent, userAgent), ...credentials.headers },
        body: write?.body === undefined ? undefined : Buffer.from(JSON.stringify(write.body)),
        agent: agents.for(credentials),
        signals: signalsOf(sent),
        timeoutMs: request.timeoutMs ?? defaultTimeoutMs,
        // The permit is checked again at the last moment, because connecting may take long.
        ...(write === undefined ? {} : { beforeSend: () => write.permit.enter().release() }),
      });
      status = response.statusCode ?? 0;
      return response;
    } finally {
      options.observe?.({ method, status, durationMs: performance.now() - startedMs });
    }
  }

  async function succeed(sent: Sent): Promise<IncomingMessage> {
    let response: IncomingMessage;
    try {
      response = await attempt(sent);
    } catch (error) {
      if (!(error instanceof KubeError) || error.reason !== staleConnection) throw error;
      if (sent.write !== undefined) throw error;
      response = await attempt(sent);
    }
    if (response.statusCode === 401) {
      response.resume();
      source.invalidate();
      response = await attempt(sent);
    }
    const { statusCode: status = 0 } = response;
    if (status >= 200 && status < 300) return response;
    throw await refusal(sent, response, status);
  }

  async function call<T>(sent: Sent): Promise<T> {
    const response = await succeed(sent);
    const { task } = sent.request;
    const text = await readText(response, { ...bodyOptions(sent), maxBytes: maxAnswerBytes });
    return parseAnswer(task, text) as T;
  }

  return {
    namespace: source.namespace,
    get: (request) => call({ request, method: "GET" }),
    async write(write) {
      const ticket = write.permit.enter();
      try {
        return await call({ request: write, method: write.method, write });
      } finally {
        ticket.release();
      }
    },
    async stream(request) {
      const sent = { request, method: "GET" };
      const response = await succeed(sent);
      return readChunks(response, { ...bodyOptions(sent), idleMs: request.idleMs });
    },
    close: () => agents.close(),
  };
}

const defaultTimeoutMs = 15_000;
const maxRefusalBytes = 1 << 20;

function urlOf(server: URL, request: KubeRequest): URL {
  const url = new URL(server);
  url.pathname = server.pathname.replace(/\/$/, "") + request.path;
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

function headersOf({ request, write }: Sent, userAgent: string): Record<string, string> {
  return {
    accept: request.accept ?? "application/json",
    "user-agent": userAgent,
    ...(write?.body === undefined
      ? {}
      : { "content-type": write.contentType ?? "application/json" }),
  };
}

function signalsOf({ request, write }: Sent): AbortSignal[] {
  return [request.signal, write?.permit.signal].filter((signal) => signal !== undefined);
}

function bodyOptions(sent: Sent) {
  const { task, timeoutMs = defaultTimeoutMs } = sent.request;
  return { task, signals: signalsOf(sent), idleMs: timeoutMs };
}

async function refusal(sent: Sent, response: IncomingMessage, status: number): Promise<Error> {
  const text = await readText(response, { ...bodyOptions(sent), maxBytes: maxRefusalBytes });
  return statusError({
    task: sent.request.task,
    status,
    body: parseOrText(text),
    retryAfter: response.headers["retry-after"],
  });
}

function parseOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function parseAnswer(task: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KubeError("kube-protocol", `Cannot ${task}: the answer is not JSON`, {
      hint: "look for a proxy between here and the API server",
      retryable: true,
      cause,
    });
  }
}
