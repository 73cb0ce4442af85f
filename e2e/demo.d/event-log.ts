// SPDX-License-Identifier: Apache-2.0
import { type EventJson, eventKind, text } from "../../packages/cli/src/events/event-json.ts";
import type { SensorClient } from "../../packages/cli/src/sensor-client.ts";
import { until } from "./outside.ts";

/** Everything the sensor tells since the log was opened. */
export type EventLog = {
  /** Events so far, once the exit of process `pid` is among them (or ten seconds have passed). */
  untilExit(pid: number): Promise<readonly EventJson[]>;
};

/** Reads along from when it is given until the signal is aborted. */
export async function openEventLog(sensor: SensorClient, signal: AbortSignal): Promise<EventLog> {
  const events: EventJson[] = [];
  let failure: unknown;
  const watching = Promise.withResolvers<void>();
  const read = async () => {
    const options = { signal, onWatching: watching.resolve };
    for await (const event of sensor.events({}, options)) events.push(event);
  };
  read().catch((error: unknown) => {
    failure = error;
    watching.reject(error);
  });
  await watching.promise;
  const exited = (pid: number) =>
    events.some(({ process_exit: exit }) => Number(text(exit?.process?.pid)) === pid);
  return {
    untilExit: async (pid) => {
      try {
        await until(() => failure !== undefined || exited(pid), `the exit of process ${pid}`);
      } catch {
        // What has been seen is shown; what is missing fails its check.
      }
      if (failure !== undefined) throw failure;
      return [...events];
    },
  };
}

/** Events of one process, whatever images it went through. */
export function eventsOf(pid: number, events: readonly EventJson[]): readonly EventJson[] {
  return events.filter((event) => {
    const body = (event as Record<string, unknown>)[eventKind(event) ?? ""];
    const process = (body as { process?: { pid?: unknown } } | undefined)?.process;
    return Number(text(process?.pid)) === pid;
  });
}
