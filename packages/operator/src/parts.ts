// SPDX-License-Identifier: Apache-2.0
import { createAdmissionParts } from "./admission/admission-parts.ts";
import { createPolicyCollector } from "./metrics/policy-collector.ts";
import type { OperatorContext, OperatorPart } from "./operator-part.ts";
import { createFleetPart } from "./peers/fleet-part.ts";
import { createPolicyParts, rolloutDefaults } from "./policies/policy-parts.ts";
import { createFleetView } from "./status/create-fleet-view.ts";
import { localSource } from "./status/local-source.ts";

/**
 * The operator's tasks besides following the cluster and serving sensors: one line each. They run side by
 * side from the start; sensors are served when all of them are ready.
 */
export function partsOf(context: OperatorContext): readonly OperatorPart[] {
  const fleet = createFleetView(context.resolver);
  fleet.add(localSource(context.hub));
  context.metrics.add(createPolicyCollector(context, fleet));
  const people = createFleetPart(context, fleet);
  return [
    people,
    ...createAdmissionParts(context, people.checkFleet),
    ...createPolicyParts(context, fleet, { rollout: rolloutDefaults(context.configuration) }),
  ];
}
