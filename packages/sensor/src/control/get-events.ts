// SPDX-License-Identifier: Apache-2.0
import { codec, type GetEventsRequest, unknownFields } from "@gander/proto";
import {
  status as grpcStatus,
  Metadata,
  type ServerWritableStream,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { compileFieldFilters, type FieldView } from "../filters/field-filter.ts";
import {
  compileFilters,
  type EventFilter,
  type FilterOptions,
  type FilterProblem,
} from "../filters/filter.ts";
import type { EventPipeline } from "../pipeline/event-pipeline.ts";
import { CallError, invalidArgument, toCallError } from "./call-error.ts";
import { createEventStream } from "./event-stream.ts";

export type GetEventsOptions = {
  /** The most events that wait for one slow reader. */
  readonly maxQueued: number;
  readonly filters: FilterOptions;
};

/** For all listeners together. */
export type StreamCounters = { readers: number; dropped: number };

/** A request, and its unknown fields. */
type WatchRequest = GetEventsRequest & {
  readonly unknown: readonly string[];
  /** The request was not read. */
  readonly isTooLarge?: boolean;
};

/** Two bytes may be a filter, which costs microseconds and hundreds of bytes. */
const maxWatchBytes = 256 * 1024;

/** Per listener: events that wait for a stalled reader cost memory. */
const maxReaders = 128;

/** Decodes a request of GetEvents. */
export function readWatchRequest(bytes: Buffer): WatchRequest {
  if (bytes.length > maxWatchBytes) return { unknown: [], isTooLarge: true };
  const name = "tetragon.GetEventsRequest";
  return { ...codec(name).decode(bytes), unknown: unknownFields(name, bytes) };
}

/** GetEvents for one listener. */
export function createGetEvents(
  { events }: Pick<EventPipeline, "events">,
  { maxQueued, filters }: GetEventsOptions,
  counters: StreamCounters,
): UntypedHandleCall {
  // Counted per listener: network clients take no place from the socket.
  let readers = 0;
  const count = (change: 1 | -1) => {
    readers += change;
    counters.readers += change;
  };
  const watch = (call: ServerWritableStream<WatchRequest, object>) => {
    const { wants, view } = compileRequest(call.request, filters);
    if (readers >= maxReaders) throw tooMany();
    const stream = createEventStream(call, {
      ...{ wants, view, maxQueued, mark: events.markMessage },
      onDropped: (dropped) => {
        counters.dropped += dropped;
      },
    });
    const remove = events.addMessages(stream);
    count(1);
    const end = once(() => {
      remove();
      count(-1);
    });
    call.on("cancelled", end).on("close", end).on("error", end);
    // So that the client knows that it watches from now on.
    call.sendMetadata(new Metadata());
  };
  const handler = (call: ServerWritableStream<WatchRequest, object>) => {
    try {
      watch(call);
    } catch (error) {
      const { code, details } = toCallError(error);
      call.emit("error", { code, details });
    }
  };
  return handler;
}

/** Throws a CallError that names all problems. */
export function compileRequest(
  { allow_list = [], deny_list = [], field_filters = [], unknown, isTooLarge }: WatchRequest,
  options: FilterOptions,
): { readonly wants: EventFilter; readonly view: FieldView | undefined } {
  if (isTooLarge) throw invalidArgument(`a request may have ${maxWatchBytes} bytes`);
  const wanted = compileFilters({ allow: allow_list, deny: deny_list }, options);
  const fields = compileFieldFilters(field_filters);
  const wrong = [
    ...newerThanWe(unknown),
    ...(wanted.problems ?? []),
    ...(fields.problems ?? []).map((problem) => ({
      ...problem,
      path: `field_filters${problem.path}`,
    })),
  ];
  if (wanted.value === undefined || wrong.length > 0)
    throw invalidArgument(wrong.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return { wants: wanted.value, view: fields.value };
}

/** Conditions of a filter must not be ignored: a deny list without them may deny everything. */
function newerThanWe(unknown: readonly string[]): readonly FilterProblem[] {
  const message = "this field is newer than the sensor, which cannot filter by it";
  return unknown.filter((path) => path.includes(".")).map((path) => ({ path, message }));
}

function tooMany(): CallError {
  return new CallError(
    grpcStatus.RESOURCE_EXHAUSTED,
    `${maxReaders} readers are here already; events wait in memory for each of them`,
  );
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    action();
  };
}
