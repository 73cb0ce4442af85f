// SPDX-License-Identifier: Apache-2.0
import type { EventBatch, StartEvents } from "@gander/proto/stream";
import { streamCodec } from "@gander/proto/stream";
import { type BatchQueueOptions, createBatchQueue } from "../relay/batch-queue.ts";
import type { EventRelay } from "../relay/event-relay.ts";
import { asBuffer } from "../wire/as-buffer.ts";

type EventOrdersDeps = {
  readonly relay: Pick<EventRelay, "watch">;
  /** Sensors connected here. */
  readonly sensors: () => number;
};

export type EventOrdersOptions = BatchQueueOptions & {
  /** How long sensors have to confirm that they send their events. */
  readonly coverMs?: number;
};

/** The used part of a gander.v1.Peers/Events call. */
type EventOrdersCall = {
  write(message: Buffer): boolean;
  end(): void;
  on(event: "data", listener: (message: Buffer) => void): unknown;
  on(event: "drain" | "end" | "close" | "error", listener: () => void): unknown;
};

const orderCodec = streamCodec("gander.v1.EventOrder");
const batchCodec = streamCodec("gander.v1.EventBatch");

type Carried = { readonly resume: () => void; readonly stop: () => void };

/** Executes the holder's orders with this replica's sensors; each order is a reader of their events. */
export function serveEventOrders(
  { relay, sensors }: EventOrdersDeps,
  call: EventOrdersCall,
  { onEnd, coverMs = 1_500, ...limits }: EventOrdersOptions & { readonly onEnd: () => void },
): Disposable {
  const orders = new Map<number, Carried>();
  let isOver = false;
  const write = (batch: EventBatch) => call.write(asBuffer(batchCodec.encode(batch)));
  const start = ({ order = 0, request = new Uint8Array() }: StartEvents) => {
    if (orders.has(order)) return;
    const gone = new AbortController();
    const queue = createBatchQueue(({ node, missing, events }) => {
      const lost = missing === undefined ? { interrupted: true } : { missing: String(missing) };
      return write({ order, node, ...lost, events });
    }, limits);
    const watch = relay.watch(Buffer.from(request), queue);
    const tellCoverage = async () => {
      const { signal } = gone;
      const coverage = await watch.whenCovered({ sensors, waitMs: coverMs, signal });
      if (!signal.aborted) write({ order, watching: coverage });
    };
    void tellCoverage();
    orders.set(order, {
      resume: queue.resume,
      stop: () => {
        gone.abort();
        watch[Symbol.dispose]();
      },
    });
  };
  const end = () => {
    if (isOver) return;
    isOver = true;
    for (const { stop } of orders.values()) stop();
    orders.clear();
    onEnd();
    call.end();
  };
  call.on("data", (bytes) => {
    if (isOver) return;
    let message: ReturnType<typeof orderCodec.decode>;
    try {
      message = orderCodec.decode(bytes);
    } catch {
      end();
      return;
    }
    const { start: begin, stop } = message;
    if (begin !== undefined) start(begin);
    if (stop === undefined) return;
    orders.get(stop.order ?? 0)?.stop();
    orders.delete(stop.order ?? 0);
  });
  call.on("drain", () => {
    for (const { resume } of orders.values()) resume();
  });
  for (const event of ["end", "close", "error"] as const) call.on(event, end);
  return { [Symbol.dispose]: end };
}
