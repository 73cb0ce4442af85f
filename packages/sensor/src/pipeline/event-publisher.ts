// SPDX-License-Identifier: Apache-2.0
import {
  codec,
  createEventWriter,
  type EventEnvelope,
  eventKind,
  type GetEventsResponse,
} from "@gander/proto";
import { createJsonEncoder } from "../events/json-encoder.ts";
import { plainLine, plainMessage } from "../events/plain-line.ts";
import { createSensorEvent, type SensorEvent } from "../events/sensor-event.ts";
import type { LineConsumer } from "../export/json-exporter.ts";
import type { FieldView } from "../filters/field-filter.ts";
import type { EventFilter } from "../filters/filter.ts";

/** Takes encoded messages of the events it wants; bytes may be kept, and are shared: never change them. */
export type MessageConsumer = {
  readonly wants: EventFilter;
  /** undefined: all fields. */
  readonly view: FieldView | undefined;
  message(bytes: Buffer): void;
  /** So many events are missing at this place: lost in the kernel. */
  missing(count: number): void;
};

export type EventPublisher = {
  /** hot: gives the event to everybody who wants it (bench/event-encoding). */
  publish(event: SensorEvent): void;
  /** Tells everybody that events are missing at this place. */
  missing(count: number): void;
  /** A turn is over. */
  flush(): void;
  /**
   * hot: somebody would soon have to drop lines: resolves when there is room again. undefined: there
   * is, or no hope of any.
   */
  behind(): Promise<unknown> | undefined;
  /** Gives a function that takes the consumer away again. */
  addLines(consumer: LineConsumer): () => void;
  addMessages(consumer: MessageConsumer): () => void;
  readonly messageConsumers: () => number;
  /** The line and the message that say how many events are missing, for consumers' own losses. */
  markLine(dropped: number): Buffer;
  markMessage(dropped: number): Buffer;
};

/**
 * Encodes each event at most once in each form, and only if somebody wants it. Views of fields are
 * made from the plain message, which is slower.
 */
export function createEventPublisher(
  envelope: EventEnvelope,
  now: () => number = Date.now,
): EventPublisher {
  const json = createJsonEncoder(envelope);
  // Of its own: a consumer asks for a mark while it still holds the line that made it necessary.
  const markJson = createJsonEncoder(envelope);
  const writer = createEventWriter(envelope);
  const lines = new Set<LineConsumer>();
  const messages = new Set<MessageConsumer>();

  const viewed = (event: SensorEvent, view: FieldView): GetEventsResponse =>
    view(plainMessage(event, envelope));

  const publishLines = (event: SensorEvent) => {
    let encoded: ReturnType<typeof json.encode> | undefined;
    for (const consumer of lines) {
      if (!consumer.wants(event) || !consumer.accepts()) continue;
      if (consumer.view !== undefined) {
        const bytes = Buffer.from(plainLine(viewed(event, consumer.view)));
        consumer.line({ bytes, length: bytes.length });
        continue;
      }
      encoded ??= json.encode(event);
      consumer.line(encoded);
    }
  };

  const publishMessages = (event: SensorEvent) => {
    let encoded: Buffer | undefined;
    for (const consumer of messages) {
      if (!consumer.wants(event)) continue;
      if (consumer.view !== undefined) {
        consumer.message(toBuffer(response.encode(viewed(event, consumer.view))));
        continue;
      }
      encoded ??= Buffer.from(writer.encode(event));
      consumer.message(encoded);
    }
  };

  const mark = (dropped: number): SensorEvent => {
    const ms = now();
    const time = { seconds: Math.floor(ms / 1000), nanos: Math.floor((ms % 1000) * 1_000_000) };
    return {
      ...createSensorEvent(),
      ...time,
      kind: eventKind.rateLimitInfo,
      dropped,
      isMark: true,
    };
  };

  return {
    publish(event) {
      if (lines.size > 0) publishLines(event);
      if (messages.size > 0) publishMessages(event);
    },
    missing(count) {
      for (const consumer of [...lines, ...messages]) consumer.missing(count);
    },
    flush() {
      for (const consumer of lines) consumer.flush();
    },
    behind() {
      let waited: Promise<void>[] | undefined;
      for (const consumer of lines) {
        const room = consumer.behind();
        if (room === undefined) continue;
        waited ??= [];
        waited.push(room);
      }
      return waited && Promise.all(waited);
    },
    addLines(consumer) {
      lines.add(consumer);
      return () => lines.delete(consumer);
    },
    addMessages(consumer) {
      messages.add(consumer);
      return () => messages.delete(consumer);
    },
    messageConsumers: () => messages.size,
    markLine(dropped) {
      const { bytes, length } = markJson.encode(mark(dropped));
      return Buffer.from(bytes.subarray(0, length));
    },
    markMessage: (dropped) => Buffer.from(writer.encode(mark(dropped))),
  };
}

const response = codec("tetragon.GetEventsResponse");

const toBuffer = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
