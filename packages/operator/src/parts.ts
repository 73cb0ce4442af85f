// SPDX-License-Identifier: Apache-2.0
import { createAdmissionParts } from "./admission/admission-parts.ts";
import { createPolicyCollector } from "./metrics/policy-collector.ts";
import type { OperatorContext, OperatorPart } from "./operator-part.ts";
import { createFleetPart } from "./peers/fleet-part.ts";
import { createPolicyParts, rolloutDefaults } from "./policies/policy-parts.ts";
import { createSessionAnnouncer } from "./sessions/session-announcer.ts";
import { SessionCounts } from "./sessions/session-counts.ts";
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
  const { resolver, logger, metrics } = context;
  const counts = new SessionCounts();
  const people = createFleetPart(context, fleet, { sessionPassedOn: counts.add.bind(counts) });
  const sessions = createSessionAnnouncer({
    ...{ resolver, logger, counts, announce: people.announce },
  });
  metrics.add(counts.report);
  return [
    people,
    ...createAdmissionParts(context, { checkFleet: people.checkFleet, sessions }),
    ...createPolicyParts(context, fleet, { rollout: rolloutDefaults(context.configuration) }),
  ];
}
