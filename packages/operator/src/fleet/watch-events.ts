// SPDX-License-Identifier: Apache-2.0
import { Metadata, status } from "@grpc/grpc-js";
import { createBatchQueue } from "../relay/batch-queue.ts";
import type { EventRelay } from "../relay/event-relay.ts";
import { missingMark } from "../relay/missing-mark.ts";
import { untilAborted } from "../until-aborted.ts";
import { asBuffer } from "../wire/as-buffer.ts";
import { CallProblem } from "./call-problem.ts";
import type { FleetMethod } from "./fleet-method.ts";

type WatchEventsDeps = {
  readonly relay: Pick<EventRelay, "watch">;
  /** Sensors here and at replicas that report to this one. */
  readonly sensors: () => number;
};

type WatchEventsOptions = {
  /** Each reader's queue takes memory. */
  readonly maxReaders?: number;
  /** How long sensors have to confirm that they send their events. */
  readonly coverMs?: number;
};

/** Response headers: sensors that send events, sensors that can't, and all connected sensors. */
export const coverageHeaders = {
  watching: "gander-sensors-watching",
  refused: "gander-sensors-refused",
  connected: "gander-sensors-connected",
} as const;

/** tetragon.FineGuidanceSensors/GetEvents for the whole cluster. */
export function createWatchEvents(
  { relay, sensors }: WatchEventsDeps,
  { maxReaders = 32, coverMs = 2_000 }: WatchEventsOptions = {},
): FleetMethod {
  let readers = 0;
  return {
    path: "/tetragon.FineGuidanceSensors/GetEvents",
    right: { verb: "watch", resource: "events" },
    async answer(call, { signal }) {
      if (readers >= maxReaders)
        throw new CallProblem(
          status.RESOURCE_EXHAUSTED,
          `${maxReaders} readers are here already; events wait in memory for each of them`,
        );
      readers += 1;
      // Headers precede events: until they are sent, events queue.
      const queue = createBatchQueue(
        ({ node, missing, events }) => {
          let hasRoom = true;
          if (missing !== 0) hasRoom = call.write(missingMark(node, missing, Date.now()));
          for (const event of events) hasRoom = call.write(asBuffer(event));
          return hasRoom;
        },
        { starts: "blocked" },
      );
      try {
        using watch = relay.watch(call.request, queue);
        const { nodes, refused, problem } = await watch.whenCovered({
          ...{ sensors, waitMs: coverMs, signal },
        });
        if (nodes === 0 && refused > 0)
          throw new CallProblem(
            status.INVALID_ARGUMENT,
            problem || "No sensor can apply these filters",
          );
        const headers = new Metadata();
        headers.set(coverageHeaders.watching, String(nodes));
        headers.set(coverageHeaders.refused, String(refused));
        headers.set(coverageHeaders.connected, String(sensors()));
        call.sendMetadata(headers);
        call.on("drain", queue.resume);
        queue.resume();
        await untilAborted(signal);
      } finally {
        readers -= 1;
      }
    },
  };
}
