// SPDX-License-Identifier: Apache-2.0
import { codec } from "@gander/proto";
import { asBuffer } from "../wire/as-buffer.ts";

const response = codec("tetragon.GetEventsResponse");

/** The event that says how many events of a node are missing at its place, as sensors say it themselves. */
export function missingMark(node: string, count: number, nowMs: number): Buffer {
  return asBuffer(
    response.encode({
      rate_limit_info: { number_of_dropped_process_events: String(count) },
      node_name: node,
      time: { seconds: String(Math.floor(nowMs / 1000)), nanos: (nowMs % 1000) * 1_000_000 },
    }),
  );
}
