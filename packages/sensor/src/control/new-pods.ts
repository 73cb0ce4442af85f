// SPDX-License-Identifier: Apache-2.0
import type { NewPods } from "@gander/proto";
import type { EarlyCounts } from "../policy/index.ts";

/** As in the sensor's interface. */
export function newPodsMessage(counts: EarlyCounts): NewPods {
  return {
    mode: counts.mode,
    limit_ms: counts.limitMs,
    held_now: counts.heldNow,
    held: String(counts.held),
    ran_early: String(counts.ranEarly),
  };
}
