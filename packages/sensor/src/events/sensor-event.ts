// SPDX-License-Identifier: Apache-2.0
import { createEventView, type EventView } from "@gander/proto";
import type { ProcessEntry } from "../process/process-entry.ts";
import type { RuleText } from "./event-rule.ts";

/** An event of the sensor: reused for the next one, so copy what you keep. */
export type SensorEvent = Omit<EventView<ProcessEntry>, "hook"> & {
  hook: RuleText | undefined;
  /** Marks go to every stream, whatever its filters. */
  isMark: boolean;
};

export function createSensorEvent(): SensorEvent {
  return { ...createEventView<ProcessEntry>(), hook: undefined, isMark: false };
}

/** Resets everything that not all kinds of events have. */
export function resetEvent(event: SensorEvent): void {
  event.process = undefined;
  event.parent = undefined;
  event.tid = 0;
  event.ancestors = none;
  event.signal = "";
  event.status = 0;
  event.hook = undefined;
  event.argCount = 0;
  event.dataCount = 0;
  event.hasReturned = false;
  event.action = 0;
  event.returnAction = 0;
  event.kernelStack = none;
  event.userStack = none;
  event.imaHash = "";
  event.dropped = 0;
  event.fuse = undefined;
  event.isMark = false;
}

const none: readonly never[] = [];
