// SPDX-License-Identifier: Apache-2.0
import { codec } from "@gander/proto";
import { asBuffer } from "../wire/as-buffer.ts";

const response = codec("tetragon.GetEventsResponse");

/**
 * The event that reports, in their place, how many events of a node are missing; sensors send the same.
 * Without a number if that is unknown.
 */
export function missingMark(node: string, count: number | undefined, nowMs: number): Buffer {
  return asBuffer(
    response.encode({
      rate_limit_info:
        count === undefined ? {} : { number_of_dropped_process_events: String(count) },
      node_name: node,
      time: { seconds: String(Math.floor(nowMs / 1000)), nanos: (nowMs % 1000) * 1_000_000 },
    }),
  );
}
