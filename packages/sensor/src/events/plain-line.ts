// SPDX-License-Identifier: Apache-2.0
import { type EventEnvelope, type GetEventsResponse, plainEvent, toProtoJson } from "@gander/proto";
import { plainProcess } from "../process/plain-process.ts";
import { jsonLine } from "../text/json-text.ts";
import type { SensorEvent } from "./sensor-event.ts";

/** The event as a plain message: for field filters, and as the reference for tests of the fast encoders. */
export function plainMessage(event: SensorEvent, envelope: EventEnvelope): GetEventsResponse {
  return plainEvent(event, envelope, plainProcess);
}

/** A message as a line of the export, with its newline. */
export function plainLine(message: GetEventsResponse): string {
  return `${jsonLine(toProtoJson("tetragon.GetEventsResponse", message))}\n`;
}
