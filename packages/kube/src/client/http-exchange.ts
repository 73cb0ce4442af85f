// SPDX-License-Identifier: Apache-2.0
import http, { type Agent, type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { KubeError } from "./kube-error.ts";

export type ExchangeRequest = {
  /** For messages: `Cannot ${task}: …`. */
  readonly task: string;
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | undefined;
  readonly agent: Agent;
  readonly signals: readonly AbortSignal[];
  /** Until the head of the answer has arrived. */
  readonly timeoutMs: number;
  /** Runs once the connection is established, right before the first byte; throwing stops the request. */
  readonly beforeSend?: () => void;
};

/**
 * One request; resolves with the answer's head, whatever its status. The body is cut off too when a
 * signal aborts. Throws `kube-unreachable`, `kube-timeout`, the signal's reason, or what `beforeSend`
 * threw.
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
    // Said explicitly: for DELETE, node:http sends a body without its length.
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
      // The reader of the body sees it; before and after that it must not end the process.
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

/** Nothing is written before: so `beforeSend` is asked when the bytes can really go out. */
function whenConnected(socket: Socket, action: () => void): void {
  if ("secureConnecting" in socket && socket.secureConnecting === true) {
    socket.once("secureConnect", action);
  } else if (socket.connecting) {
    socket.once("connect", action);
  } else {
    action();
  }
}

/** Gives an error of a connection its type; those that have one, and aborts, stay as they are. */
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
  // The error of several addresses that all failed has no message of its own.
  return new KubeError("kube-unreachable", `Cannot ${task}: ${message || code}`, {
    hint: hintFor(code),
    retryable: true,
    reason: reusedSocket ? staleConnection : code,
    cause: error,
  });
}

/** The server had closed an idle connection just as it was used again: nothing was executed, most likely. */
export const staleConnection = "StaleConnection";

function hintFor(code: string): string {
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code)) {
    return "check that the certificate authority in use is this cluster's";
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "check the server's name and DNS";
  return "it is tried again; check that the API server runs and can be reached from here";
}
