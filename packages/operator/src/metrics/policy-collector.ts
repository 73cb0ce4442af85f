// SPDX-License-Identifier: Apache-2.0
import type { Election } from "@gander/kube";
import type { PolicyCatalog } from "../api/policy-catalog.ts";
import type { FleetView } from "../status/fleet-view.ts";
import type { OperatorCollector } from "./operator-metrics.ts";

export type PolicyCollectorDeps = {
  readonly election: Pick<Election, "permit">;
  readonly catalog: Pick<PolicyCatalog, "all">;
};

/** Policy status on all nodes. One replica exports it: a sum over replicas would count nodes twice. */
export function createPolicyCollector(
  { election, catalog }: PolicyCollectorDeps,
  fleet: Pick<FleetView, "of">,
): OperatorCollector {
  return (report) => {
    if (election.permit() === undefined) return;
    for (const { uid, name: policy, namespace: policy_namespace, compiled } of catalog.all()) {
      const labels = { policy, policy_namespace };
      report("gander_operator_policy_accepted", compiled.problems === undefined ? 1 : 0, labels);
      const found = fleet.of(uid);
      if (found === undefined) continue;
      for (const [state, count] of Object.entries(found.states))
        report("gander_operator_policy_nodes", count, { ...labels, state });
      report("gander_operator_policy_lost_events", found.totals.lost, labels);
      for (const [exception, hits] of found.totals.exceptions)
        report("gander_operator_policy_exception_hits", hits, { ...labels, exception });
      for (const gap of ["unevaluated", "missed", "unknown"] as const)
        report("gander_operator_policy_gaps", found.totals[gap], { ...labels, gap });
    }
  };
}
