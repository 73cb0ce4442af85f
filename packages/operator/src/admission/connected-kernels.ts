// SPDX-License-Identifier: Apache-2.0
import type { OperatorContext } from "../operator-part.ts";
import type { FleetKernels } from "./check-fleet.ts";

/** Kernels of the sensors connected to this replica. */
export function connectedKernels({
  hub,
  resolver,
}: Pick<OperatorContext, "hub" | "resolver">): FleetKernels {
  return {
    *nodes() {
      for (const node of hub.nodes) yield { node, kernel: hub.session(node)?.kernelFacts ?? "" };
    },
    labels: (node) => resolver.labelsOf(node),
    facts: (digest) => hub.facts.known.get(digest),
  };
}
