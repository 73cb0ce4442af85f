// SPDX-License-Identifier: Apache-2.0
import { type EventBatch, type StartEvents, streamCodec } from "@gander/proto/stream";
import { toCallError } from "../control/call-error.ts";
import { compileRequest, readWatchRequest } from "../control/get-events.ts";
import type { FilterOptions } from "../filters/filter.ts";
import type { EventPipeline } from "../pipeline/event-pipeline.ts";
import { createEventBatches, type EventBatches } from "./event-batches.ts";

/** The needed part of a call of gander.v1.SensorStream/Events: encoded messages both ways. */
export type EventCall = {
  /** False: wait for `drain`. */
  write(message: Buffer): boolean;
  end(): void;
  on(event: "data", listener: (message: Buffer) => void): unknown;
  on(event: "drain" | "end" | "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
};

type OperatorEventsDeps = {
  readonly events: Pick<EventPipeline["events"], "addMessages">;
  readonly filters: FilterOptions;
};

export type OperatorEvents = Disposable & {
  /** The operator asked for events (ToSensor.open_events): `call` starts the call, unless one is open. */
  open(call: () => EventCall): void;
  readonly counters: {
    /** Active orders. */
    readonly orders: number;
    /** Events dropped for lack of room on the connection to the operator. */
    readonly dropped: number;
  };
};

/** The most orders of one operator: each is a reader with its own queue. */
const maxOrders = 32;

const orderCodec = streamCodec("gander.v1.EventOrder");
const batchCodec = streamCodec("gander.v1.EventBatch");

/** Sends events to clients that watch the whole cluster, through the operator and by its orders. */
export function createOperatorEvents(deps: OperatorEventsDeps): OperatorEvents {
  let current: OpenRelay | undefined;
  let droppedBefore = 0;
  return {
    open(call) {
      if (current !== undefined) return;
      const opened = new OpenRelay(call(), deps, () => {
        if (current !== opened) return;
        droppedBefore += opened.dropped;
        current = undefined;
      });
      current = opened;
    },
    get counters() {
      return {
        orders: current?.orders ?? 0,
        dropped: droppedBefore + (current?.dropped ?? 0),
      };
    },
    [Symbol.dispose]() {
      current?.close();
    },
  };
}

type Order = { readonly batches: EventBatches; readonly remove: () => void };

/** One call, and the orders received on it. */
class OpenRelay {
  readonly #call: EventCall;
  readonly #deps: OperatorEventsDeps;
  readonly #onClosed: () => void;
  readonly #orders = new Map<number, Order>();
  #dropped = 0;
  #isClosed = false;

  constructor(call: EventCall, deps: OperatorEventsDeps, onClosed: () => void) {
    this.#call = call;
    this.#deps = deps;
    this.#onClosed = onClosed;
    const close = () => this.close();
    call.on("data", (bytes) => this.#receive(bytes));
    call.on("end", close);
    call.on("close", close);
    // The stream of policies reports the operator's errors.
    call.on("error", close);
    call.on("drain", () => {
      for (const { batches } of this.#orders.values()) batches.resume();
    });
  }

  get orders(): number {
    return this.#orders.size;
  }

  get dropped(): number {
    let dropped = this.#dropped;
    for (const { batches } of this.#orders.values()) dropped += batches.dropped;
    return dropped;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const order of [...this.#orders.keys()]) this.#stop(order);
    this.#onClosed();
    this.#call.end();
  }

  #receive(bytes: Buffer): void {
    let message: ReturnType<typeof orderCodec.decode>;
    try {
      message = orderCodec.decode(bytes);
    } catch {
      this.close();
      return;
    }
    const { start, stop } = message;
    if (start !== undefined) this.#start(start);
    if (stop !== undefined) this.#stop(stop.order ?? 0);
  }

  #start({ order = 0, request = new Uint8Array() }: StartEvents): void {
    if (this.#isClosed || this.#orders.has(order)) return;
    const refuse = (problem: string) =>
      this.#write({ order, watching: { refused: 1, problem: problem.slice(0, 2000) } });
    if (this.#orders.size >= maxOrders) {
      refuse(`${maxOrders} orders are carried out already; each takes memory on the node`);
      return;
    }
    let compiled: ReturnType<typeof compileRequest>;
    try {
      compiled = compileRequest(readWatchRequest(Buffer.from(request)), this.#deps.filters);
    } catch (error) {
      refuse(toCallError(error).details);
      return;
    }
    const batches = createEventBatches((batch) => this.#write(batch), { order });
    const remove = this.#deps.events.addMessages({
      ...compiled,
      message: (event) => batches.add(event),
      missing: (count) => batches.missing(count),
    });
    this.#orders.set(order, { batches, remove });
    this.#write({ order, watching: { nodes: 1 } });
  }

  #stop(order: number): void {
    const found = this.#orders.get(order);
    if (found === undefined) return;
    this.#orders.delete(order);
    found.remove();
    this.#dropped += found.batches.dropped;
    found.batches[Symbol.dispose]();
  }

  #write(batch: EventBatch): boolean {
    const bytes = batchCodec.encode(batch);
    return this.#call.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
}
