// SPDX-License-Identifier: Apache-2.0
import { worstNodesLimit } from "@gander/crd-schemas";
import type { SensorHub } from "../sensors/sensor-hub.ts";
import type { FleetSource } from "./fleet-view.ts";

/** The sensors that are connected here. */
export function localSource(hub: SensorHub): FleetSource {
  const has = (node: string) => hub.session(node) !== undefined;
  return {
    has,
    startProblem: (node) => hub.startProblems.of(node),
    answers: (revision) => hub.rollout.of(revision),
    totals: (uid) => hub.totals.of(uid),
    waiting(revision, nodes) {
      const names: string[] = [];
      for (const node of nodes) {
        if (names.length === worstNodesLimit) break;
        if (has(node) && !hub.rollout.hasAnswered(node, revision)) names.push(node);
      }
      return names;
    },
    onChange: (listener) => hub.onChange(listener),
  };
}
