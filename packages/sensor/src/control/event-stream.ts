// SPDX-License-Identifier: Apache-2.0

import type { FieldView } from "../filters/field-filter.ts";
import type { EventFilter } from "../filters/filter.ts";
import type { MessageConsumer } from "../pipeline/event-publisher.ts";

/** The needed part of a server stream's writing side. */
type MessageWriter = {
  /** False: wait for `drain` before the next one. */
  write(message: Buffer): boolean;
  on(event: "drain", listener: () => void): unknown;
};

type EventStreamOptions = {
  readonly wants: EventFilter;
  readonly view: FieldView | undefined;
  /** Events that wait for this reader; more are dropped and counted. */
  readonly maxQueued: number;
  /** The same limit in bytes. */
  readonly maxQueuedBytes?: number;
  /** The message that gives the number of events missing at its place. */
  readonly mark: (dropped: number) => Buffer;
  readonly onDropped: (count: number) => void;
};

/**
 * One reader of events. Its messages are shared with other readers and passed to the transport only as fast
 * as that accepts them, so a stalled reader costs only a bounded list of references.
 */
export function createEventStream(
  writer: MessageWriter,
  options: EventStreamOptions,
): MessageConsumer {
  const { maxQueued, maxQueuedBytes = 64 * 1024 * 1024, mark, onDropped } = options;
  let queue: Buffer[] = [];
  let sent = 0;
  let queuedBytes = 0;
  let missing = 0;
  let isBlocked = false;

  const waiting = () => queue.length - sent;

  const send = () => {
    while (!isBlocked && sent < queue.length) {
      const message = queue[sent++] as Buffer;
      queuedBytes -= message.length;
      isBlocked = !writer.write(message);
    }
    if (sent === queue.length) {
      queue = [];
      sent = 0;
    } else if (sent > 1024) {
      queue = queue.slice(sent);
      sent = 0;
    }
  };

  const push = (message: Buffer) => {
    queue.push(message);
    queuedBytes += message.length;
  };

  /** Returns whether all missing events are marked. */
  const pushMark = (): boolean => {
    if (missing === 0) return true;
    // A mark alone would be followed by the next one at once: waits for some room after it.
    if (waiting() > maxQueued * 0.9 || queuedBytes > maxQueuedBytes * 0.9) return false;
    push(mark(missing));
    missing = 0;
    return true;
  };

  writer.on("drain", () => {
    isBlocked = false;
    send();
    if (missing > 0 && pushMark()) send();
  });

  return {
    wants: options.wants,
    view: options.view,
    message(bytes) {
      if (!pushMark() || waiting() >= maxQueued || queuedBytes + bytes.length > maxQueuedBytes) {
        missing++;
        onDropped(1);
        return;
      }
      push(bytes);
      send();
    },
    missing(count) {
      missing += count;
      if (pushMark()) send();
    },
  };
}
