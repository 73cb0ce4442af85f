// SPDX-License-Identifier: Apache-2.0
import {
  codec,
  createEventWriter,
  type EventEnvelope,
  type EventWriter,
  eventKind,
  type GetEventsResponse,
} from "@gander/proto";
import { createJsonEncoder, type JsonEncoder } from "../events/json-encoder.ts";
import { plainLine, plainMessage } from "../events/plain-line.ts";
import { createSensorEvent, type SensorEvent } from "../events/sensor-event.ts";
import type { LineConsumer } from "../export/json-exporter.ts";
import type { FieldView } from "../filters/field-filter.ts";
import type { EventFilter } from "../filters/filter.ts";

/** Receives encoded messages of the events it wants. The bytes are shared: keep, but never change them. */
export type MessageConsumer = {
  readonly wants: EventFilter;
  /** undefined: all fields. */
  readonly view: FieldView | undefined;
  message(bytes: Buffer): void;
  /** This many events are missing at this place: lost in the kernel. */
  missing(count: number): void;
};

export type EventPublisher = {
  /** hot: gives the event to all consumers that want it (bench/event-encoding). */
  publish(event: SensorEvent): void;
  /** Tells all consumers that events are missing at this place. */
  missing(count: number): void;
  /** Call at the end of a turn. */
  flush(): void;
  /**
   * hot: a consumer would soon have to drop lines: resolves when there is room again. undefined: there is, or
   * no hope of any.
   */
  behind(): Promise<unknown> | undefined;
  /** Returns a function that removes the consumer. */
  addLines(consumer: LineConsumer): () => void;
  addMessages(consumer: MessageConsumer): () => void;
  readonly messageConsumers: () => number;
  /** From the next event on. */
  setNodeLabels(labels: EventEnvelope["nodeLabels"]): void;
  /** The line and the message that give the number of missing events, for consumers' own losses. */
  markLine(dropped: number): Buffer;
  markMessage(dropped: number): Buffer;
};

/** Encodes each event at most once in each form, and only if a consumer wants it. */
export function createEventPublisher(
  envelope: EventEnvelope,
  now: () => number = Date.now,
): EventPublisher {
  const lines = new LineStream(envelope);
  const messages = new MessageStream(envelope);
  // Separate: a consumer requests a mark while it still uses the line that caused it.
  let markJson = createJsonEncoder(envelope);
  return {
    publish(event) {
      if (lines.consumers.size > 0) lines.publish(event);
      if (messages.consumers.size > 0) messages.publish(event);
    },
    missing(count) {
      for (const consumer of [...lines.consumers, ...messages.consumers]) consumer.missing(count);
    },
    flush() {
      for (const consumer of lines.consumers) consumer.flush();
    },
    behind: () => lines.behind(),
    addLines: (consumer) => addTo(lines.consumers, consumer),
    addMessages: (consumer) => addTo(messages.consumers, consumer),
    messageConsumers: () => messages.consumers.size,
    setNodeLabels(nodeLabels) {
      const changed = { ...envelope, nodeLabels };
      lines.setEnvelope(changed);
      messages.setEnvelope(changed);
      markJson = createJsonEncoder(changed);
    },
    markLine(dropped) {
      const { bytes, length } = markJson.encode(markOf(dropped, now()));
      return Buffer.from(bytes.subarray(0, length));
    },
    markMessage: (dropped) => messages.encode(markOf(dropped, now())),
  };
}

/** Lines of JSON. */
class LineStream {
  readonly consumers = new Set<LineConsumer>();
  #envelope: EventEnvelope;
  #json: JsonEncoder;

  constructor(envelope: EventEnvelope) {
    this.#envelope = envelope;
    this.#json = createJsonEncoder(envelope);
  }

  setEnvelope(envelope: EventEnvelope): void {
    this.#envelope = envelope;
    this.#json = createJsonEncoder(envelope);
  }

  /** hot: bench/event-encoding */
  publish(event: SensorEvent): void {
    let encoded: ReturnType<JsonEncoder["encode"]> | undefined;
    for (const consumer of this.consumers) {
      if (!consumer.wants(event) || !consumer.accepts()) continue;
      if (consumer.view !== undefined) {
        const bytes = Buffer.from(plainLine(viewed(event, this.#envelope, consumer.view)));
        consumer.line({ bytes, length: bytes.length });
        continue;
      }
      encoded ??= this.#json.encode(event);
      consumer.line(encoded);
    }
  }

  behind(): Promise<unknown> | undefined {
    let waited: Promise<void>[] | undefined;
    for (const consumer of this.consumers) {
      const room = consumer.behind();
      if (room === undefined) continue;
      waited ??= [];
      waited.push(room);
    }
    return waited && Promise.all(waited);
  }
}

/** Messages of protobuf. */
class MessageStream {
  readonly consumers = new Set<MessageConsumer>();
  #envelope: EventEnvelope;
  #writer: EventWriter;

  constructor(envelope: EventEnvelope) {
    this.#envelope = envelope;
    this.#writer = createEventWriter(envelope);
  }

  setEnvelope(envelope: EventEnvelope): void {
    this.#envelope = envelope;
    this.#writer = createEventWriter(envelope);
  }

  /** hot: bench/event-encoding */
  publish(event: SensorEvent): void {
    let encoded: Buffer | undefined;
    for (const consumer of this.consumers) {
      if (!consumer.wants(event)) continue;
      if (consumer.view !== undefined) {
        const message = viewed(event, this.#envelope, consumer.view);
        consumer.message(toBuffer(response.encode(message)));
        continue;
      }
      encoded ??= this.encode(event);
      consumer.message(encoded);
    }
  }

  encode(event: SensorEvent): Buffer {
    return Buffer.from(this.#writer.encode(event));
  }
}

function addTo<Consumer>(consumers: Set<Consumer>, consumer: Consumer): () => void {
  consumers.add(consumer);
  return () => void consumers.delete(consumer);
}

/** Made from the plain message, which is slower. */
function viewed(event: SensorEvent, envelope: EventEnvelope, view: FieldView): GetEventsResponse {
  return view(plainMessage(event, envelope));
}

/** A mark for missing events. */
function markOf(dropped: number, ms: number): SensorEvent {
  return {
    ...createSensorEvent(),
    seconds: Math.floor(ms / 1000),
    nanos: Math.floor((ms % 1000) * 1_000_000),
    kind: eventKind.rateLimitInfo,
    dropped,
    isMark: true,
  };
}

const response = codec("tetragon.GetEventsResponse");

const toBuffer = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
