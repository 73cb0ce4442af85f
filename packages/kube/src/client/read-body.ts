// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from "node:http";
import { connectionError } from "./http-exchange.ts";
import { KubeError } from "./kube-error.ts";

type BodyOptions = {
  readonly task: string;
  readonly signals: readonly AbortSignal[];
  /** Longest silence between two chunks. */
  readonly idleMs: number;
};

/**
 * The body in chunks as they arrive. The reader's own time doesn't count as silence. Throws `kube-timeout`
 * after `idleMs` without a byte, `kube-unreachable` when the connection breaks.
 */
export async function* readChunks(
  response: IncomingMessage,
  options: BodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { task, signals, idleMs } = options;
  const iterator = response[Symbol.asyncIterator]();
  let waiting = false;
  let ended = false;
  let count = 0;
  const timer = setTimeout(() => {
    // The loop may have been blocked, with bytes waiting in the socket: let them be read first.
    const before = count;
    setImmediate(() => {
      if (waiting && count === before) response.destroy(silence(task, idleMs));
    });
  }, idleMs);
  try {
    for (;;) {
      timer.refresh();
      waiting = true;
      const next = await iterator.next();
      waiting = false;
      count++;
      ended = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    throw connectionError(task, error, signals);
  } finally {
    waiting = false;
    clearTimeout(timer);
    // The unread rest of a body would keep the connection busy.
    if (!ended) response.destroy();
  }
}

/** The whole body as text. Throws `kube-protocol` beyond `maxBytes`. */
export async function readText(
  response: IncomingMessage,
  options: BodyOptions & { readonly maxBytes: number },
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of readChunks(response, options)) {
    size += chunk.length;
    if (size > options.maxBytes) {
      throw new KubeError(
        "kube-protocol",
        `Cannot ${options.task}: the answer is larger than ${options.maxBytes} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function silence(task: string, idleMs: number): KubeError {
  return new KubeError("kube-timeout", `Cannot ${task}: silent for ${idleMs} ms`, {
    retryable: true,
    reason: "Silence",
  });
}
