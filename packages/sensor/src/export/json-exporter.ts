// SPDX-License-Identifier: Apache-2.0

import type { EncodedLine } from "../events/json-encoder.ts";
import type { FieldView } from "../filters/field-filter.ts";
import type { EventFilter } from "../filters/filter.ts";
import { createChunkWriter, type LineSink } from "./chunk-writer.ts";
import { createRateLimit } from "./rate-limit.ts";

/** Receives the lines of the events it wants; the pipeline calls it. */
export type LineConsumer = {
  readonly wants: EventFilter;
  /** undefined: all fields. */
  readonly view: FieldView | undefined;
  /** Whether it accepts one more line; called once per event. If not, it has counted it. */
  accepts(): boolean;
  line(line: EncodedLine): void;
  /** This many events are missing at this place: lost in the kernel. */
  missing(count: number): void;
  /** The turn is over: pass on the gathered lines. */
  flush(): void;
  /** It would soon have to drop lines: resolves when there is room again. undefined: there is. */
  behind(): Promise<void> | undefined;
};

export type JsonExporterOptions = {
  readonly wants: EventFilter;
  readonly view?: FieldView | undefined;
  readonly ratePerMinute?: number;
  readonly maxQueuedBytes?: number;
  readonly retryMs?: number;
  readonly now?: () => number;
  /** The line that marks `dropped` events as missing at this place. */
  readonly mark: (dropped: number) => Buffer;
  readonly onTrouble: (error: unknown) => void;
  readonly onRecovery: () => void;
};

type JsonExporter = LineConsumer & {
  /** offered = written + waiting + dropped + rateLimited */
  counters(): ExportCounters;
  /** Resolves when everything given before is written, or the sink fails. */
  idle(): Promise<void>;
  close(): Promise<void>;
};

export type ExportCounters = {
  readonly written: number;
  readonly writtenBytes: number;
  /** The sink was too slow, or failed for too long. */
  readonly dropped: number;
  readonly rateLimited: number;
};

/** Writes events as lines of JSON to a sink, limited and bounded; counts and marks dropped events. */
export function createJsonExporter(sink: LineSink, options: JsonExporterOptions): JsonExporter {
  const { now = Date.now, ratePerMinute = -1 } = options;
  const limit = createRateLimit({ perMinute: ratePerMinute, now });
  const writer = createChunkWriter(sink, options);
  return {
    wants: options.wants,
    view: options.view,
    accepts: () => limit.take() && writer.accepts(),
    line: ({ bytes, length }) => writer.line(bytes, length),
    missing: (count) => writer.missing(count),
    flush() {
      const held = limit.heldBack();
      if (held > 0) writer.missing(held);
      writer.flush();
    },
    behind: () => writer.behind(),
    counters: () => ({ ...writer.counters, rateLimited: limit.total() }),
    idle: () => writer.idle(),
    close: () => writer.close(),
  };
}
