// SPDX-License-Identifier: Apache-2.0
import type { EventBatch, Watching } from "@gander/proto/stream";
import { streamCodec } from "@gander/proto/stream";
import { asBuffer } from "../wire/as-buffer.ts";

/** Events of one node, in order. Without a node: a replica went, with all of its nodes. */
export type NodeEvents = {
  readonly node: string;
  /** How many events are missing before these; undefined: unknown, because the source went. */
  readonly missing: number | undefined;
  /** Encoded tetragon.GetEventsResponse: parts of larger buffers, kept or dropped together. */
  readonly events: readonly Uint8Array[];
  /** Size of the events. */
  readonly bytes: number;
};

export type RelayReader = { take(events: NodeEvents): void };

/** How many sensors send their events, and how many can't. */
export type Coverage = {
  readonly nodes: number;
  readonly refused: number;
  /** The reason of one that can't; empty if none. */
  readonly problem: string;
};

type RelayWatch = Disposable & {
  coverage(): Coverage;
  /** Resolves when all sensors have answered, or after `waitMs`. */
  whenCovered(options: CoverOptions): Promise<Coverage>;
};

type CoverOptions = {
  /** How many sensors could send events. */
  readonly sensors: () => number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
};

/** A sensor, or a replica with its sensors: a call of Events. */
type RelaySource = Disposable & { receive(batch: EventBatch): void };

type WantedListener = (wanted: "wanted" | "unwanted") => void;

type Order = {
  readonly id: number;
  readonly request: Buffer;
  readonly readers: Set<RelayReader>;
  readonly answers: Map<RelaySource, Coverage>;
  readonly waiting: Set<() => void>;
  /** Sensors that answered, with either result: the sum of `answers`. */
  answered: number;
};

const orderCodec = streamCodec("gander.v1.EventOrder");
const nothing: Coverage = { nodes: 0, refused: 0, problem: "" };

/**
 * Connects readers with the sources of events. Readers with the same request share an order; an order is
 * sent to every present and future source, and ends with its last reader. Nothing queues here: each reader
 * bounds its own queue.
 */
export class EventRelay {
  readonly #orders = new Map<number, Order>();
  readonly #byRequest = new Map<string, Order>();
  readonly #sources = new Map<RelaySource, (order: Buffer) => void>();
  readonly #listeners = new Set<{ readonly call: WantedListener }>();
  #lastId = 0;

  /** Whether there are readers. */
  get isWanted(): boolean {
    return this.#orders.size > 0;
  }

  /** Notifies when sources are needed, and when they no longer are. */
  onWanted(call: WantedListener): Disposable {
    const listener = { call };
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** `request` is an encoded tetragon.GetEventsRequest. */
  watch(request: Buffer, reader: RelayReader): RelayWatch {
    const order = this.#orderOf(request);
    order.readers.add(reader);
    return {
      coverage: () => coverageOf(order),
      whenCovered: (options) => whenCovered(order, options),
      [Symbol.dispose]: () => this.#leave(order, reader),
    };
  }

  /**
   * Adds a source; `send` takes encoded gander.v1.EventOrder. `node` is the origin of its events;
   * undefined for a replica, whose batches each name it.
   */
  connect(send: (order: Buffer) => void, node: string | undefined): RelaySource {
    const source: RelaySource = {
      receive: (batch) => this.#receive(source, node, batch),
      [Symbol.dispose]: () => {
        this.#sources.delete(source);
        for (const order of this.#orders.values()) {
          if ((order.answers.get(source)?.nodes ?? 0) > 0)
            for (const reader of order.readers) reader.take(interruption(node ?? ""));
          answer(order, source, undefined);
        }
      },
    };
    this.#sources.set(source, send);
    for (const order of this.#orders.values()) send(startOf(order));
    return source;
  }

  #orderOf(request: Buffer): Order {
    const key = request.toString("latin1");
    const known = this.#byRequest.get(key);
    if (known !== undefined) return known;
    const order: Order = {
      id: ++this.#lastId,
      request: Buffer.from(request),
      readers: new Set(),
      answers: new Map(),
      waiting: new Set(),
      answered: 0,
    };
    this.#orders.set(order.id, order);
    this.#byRequest.set(key, order);
    const message = startOf(order);
    for (const send of this.#sources.values()) send(message);
    if (this.#orders.size === 1) this.#tell("wanted");
    return order;
  }

  #leave(order: Order, reader: RelayReader): void {
    if (!order.readers.delete(reader) || order.readers.size > 0) return;
    this.#orders.delete(order.id);
    this.#byRequest.delete(order.request.toString("latin1"));
    const message = encodeOrder({ stop: { order: order.id } });
    for (const send of this.#sources.values()) send(message);
    if (this.#orders.size === 0) this.#tell("unwanted");
  }

  #tell(wanted: "wanted" | "unwanted"): void {
    for (const { call } of this.#listeners) call(wanted);
  }

  #receive(source: RelaySource, node: string | undefined, batch: EventBatch): void {
    // The order may have ended in the meantime.
    const order = this.#orders.get(batch.order ?? 0);
    if (order === undefined) return;
    if (batch.watching !== undefined) {
      answer(order, source, readCoverage(batch.watching));
      for (const told of order.waiting) told();
    }
    const { events = [], missing = "0", interrupted = false } = batch;
    if (events.length === 0 && missing === "0" && !interrupted) return;
    const taken: NodeEvents = {
      node: node ?? batch.node ?? "",
      missing: interrupted ? undefined : Number(missing),
      events,
      bytes: events.reduce((sum, { length }) => sum + length, 0),
    };
    for (const reader of order.readers) reader.take(taken);
  }
}

const interruption = (node: string): NodeEvents => ({
  node,
  missing: undefined,
  events: [],
  bytes: 0,
});

async function whenCovered(
  order: Order,
  { sensors, waitMs, signal }: CoverOptions,
): Promise<Coverage> {
  const done = Promise.withResolvers<void>();
  const finish = () => done.resolve();
  const look = () => {
    if (order.answered >= sensors()) finish();
  };
  const timer = setTimeout(finish, waitMs);
  signal.addEventListener("abort", finish, { once: true });
  order.waiting.add(look);
  look();
  await done.promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", finish);
  order.waiting.delete(look);
  return coverageOf(order);
}

function answer(order: Order, source: RelaySource, coverage: Coverage | undefined): void {
  const sum = ({ nodes, refused }: Coverage = nothing) => nodes + refused;
  order.answered += sum(coverage) - sum(order.answers.get(source));
  if (coverage === undefined) order.answers.delete(source);
  else order.answers.set(source, coverage);
}

function coverageOf({ answers }: Order): Coverage {
  let { nodes, refused, problem } = nothing;
  for (const answer of answers.values()) {
    nodes += answer.nodes;
    refused += answer.refused;
    problem ||= answer.problem;
  }
  return { nodes, refused, problem };
}

const readCoverage = ({ nodes = 0, refused = 0, problem = "" }: Watching): Coverage => ({
  nodes,
  refused,
  problem: problem.slice(0, 2000),
});

const startOf = ({ id, request }: Order) => encodeOrder({ start: { order: id, request } });

function encodeOrder(order: Parameters<typeof orderCodec.encode>[0]): Buffer {
  return asBuffer(orderCodec.encode(order));
}
