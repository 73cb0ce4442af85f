// SPDX-License-Identifier: Apache-2.0
import http, { type Agent, type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { KubeError } from "./kube-error.ts";

type ExchangeRequest = {
  /** For messages: `Cannot ${task}: …`. */
  readonly task: string;
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | undefined;
  readonly agent: Agent;
  readonly signals: readonly AbortSignal[];
  /** Time limit until the response head has arrived. */
  readonly timeoutMs: number;
  /** Runs once the connection is established, right before the first byte; throwing aborts the request. */
  readonly beforeSend?: () => void;
};

/**
 * One request; resolves with the response head, whatever its status. If a signal aborts, the body is cut
 * off too. Throws `kube-unreachable`, `kube-timeout`, the signal's reason, or what `beforeSend` threw.
 */
export function exchange(request: ExchangeRequest): Promise<IncomingMessage> {
  const { task, method, url, headers, body, agent, signals, timeoutMs } = request;
  return new Promise((resolve, reject) => {
    const aborted = signals.find((signal) => signal.aborted);
    if (aborted !== undefined) {
      reject(aborted.reason);
      return;
    }
    const start = url.protocol === "https:" ? https.request : http.request;
    // Set explicitly: for DELETE, node:http sends a body without its length.
    const length = body === undefined ? {} : { "content-length": String(body.length) };
    const outgoing = start(url, { method, headers: { ...headers, ...length }, agent });
    let response: IncomingMessage | undefined;
    const cutOff = (event: Event) => {
      const reason = event.target instanceof AbortSignal ? event.target.reason : undefined;
      (response ?? outgoing).destroy(reason instanceof Error ? reason : new Error("aborted"));
    };
    for (const signal of signals) signal.addEventListener("abort", cutOff);
    const timer = setTimeout(() => {
      outgoing.destroy(
        new KubeError("kube-timeout", `Cannot ${task}: no answer within ${timeoutMs} ms`, {
          retryable: true,
        }),
      );
    }, timeoutMs);
    outgoing.once("socket", (socket) => {
      whenConnected(socket, () => {
        if (outgoing.destroyed) return;
        try {
          request.beforeSend?.();
        } catch (error) {
          outgoing.destroy(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        outgoing.end(body);
      });
    });
    outgoing.once("response", (incoming) => {
      clearTimeout(timer);
      response = incoming;
      // The reader of the body gets it; before and after that it must not end the process.
      incoming.on("error", () => {});
      resolve(incoming);
    });
    outgoing.on("error", (error) => {
      clearTimeout(timer);
      reject(connectionError(task, error, signals, outgoing.reusedSocket));
    });
    outgoing.once("close", () => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener("abort", cutOff);
    });
  });
}

/** Nothing is written earlier: so `beforeSend` runs when the bytes can really be sent. */
function whenConnected(socket: Socket, action: () => void): void {
  if ("secureConnecting" in socket && socket.secureConnecting === true) {
    socket.once("secureConnect", action);
  } else if (socket.connecting) {
    socket.once("connect", action);
  } else {
    action();
  }
}

/** Types a connection error; typed errors and aborts remain unchanged. */
export function connectionError(
  task: string,
  error: unknown,
  signals: readonly AbortSignal[],
  reusedSocket = false,
): unknown {
  if (error instanceof KubeError) return error;
  const aborted = signals.find((signal) => signal.aborted);
  if (aborted !== undefined) return aborted.reason;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  // If several addresses all failed, their common error has no message of its own.
  return new KubeError("kube-unreachable", `Cannot ${task}: ${message || code}`, {
    hint: hintFor(code),
    retryable: true,
    reason: reusedSocket ? staleConnection : code,
    cause: error,
  });
}

/** The server closed an idle connection just as it was reused: most likely nothing was executed. */
export const staleConnection = "StaleConnection";

function hintFor(code: string): string {
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code)) {
    return "check that the certificate authority in use is this cluster's";
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "check the server's name and DNS";
  return "it is tried again; check that the API server runs and can be reached from here";
}
