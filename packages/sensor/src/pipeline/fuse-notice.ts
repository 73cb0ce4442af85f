// SPDX-License-Identifier: Apache-2.0
import { eventKind } from "@gander/proto";
import { createSensorEvent } from "../events/sensor-event.ts";
import type { FuseChange } from "../policy/index.ts";
import type { EventPublisher } from "./event-publisher.ts";

/** Puts it into all streams, whatever their filters: a policy enforces less than it says, or again all. */
export function publishFuse(
  events: Pick<EventPublisher, "publish" | "flush">,
  { policy, fuse, to }: FuseChange,
  nowMs: number = Date.now(),
): void {
  events.publish({
    ...createSensorEvent(),
    seconds: Math.floor(nowMs / 1000),
    nanos: Math.floor((nowMs % 1000) * 1_000_000),
    kind: eventKind.policyFuse,
    fuse: { policyName: policy.name, policyNamespace: policy.namespace, fuse, state: to },
    isMark: true,
  });
  events.flush();
}
