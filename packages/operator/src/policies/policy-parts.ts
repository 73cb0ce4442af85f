// SPDX-License-Identifier: Apache-2.0
import type { OperatorConfiguration } from "../configuration.ts";
import type { OperatorContext, OperatorPart } from "../operator-part.ts";
import type { WritableFleetView } from "../status/create-fleet-view.ts";
import { createStatusKeeper, type StatusKeeperOptions } from "../status/status-keeper.ts";
import { PolicyRollouts } from "./policy-rollouts.ts";
import { createRevisionKeeper, type RevisionKeeperOptions } from "./revision-keeper.ts";
import { defaultRollout, parseCanarySize, type RolloutDefaults } from "./rollout-settings.ts";

type PolicyPartsOptions = RevisionKeeperOptions &
  StatusKeeperOptions & { readonly rollout?: Partial<RolloutDefaults> };

/** The configuration's settings for rollouts. */
export function rolloutDefaults({
  rollout,
  canary,
  canaryDuration,
}: Pick<OperatorConfiguration, "rollout" | "canary" | "canaryDuration">): RolloutDefaults {
  return {
    strategy: rollout === "canary" ? "canary" : "all",
    canary: parseCanarySize(canary) ?? defaultRollout.canary,
    canaryMs: canaryDuration,
  };
}

/** Revisions, rollouts and statuses: from the policies of the API to the nodes, and back. */
export function createPolicyParts(
  context: Omit<OperatorContext, "certificate" | "verifySensor" | "configuration" | "version">,
  fleet: WritableFleetView,
  options: PolicyPartsOptions = {},
): readonly OperatorPart[] {
  const rollouts = new PolicyRollouts(context, { ...defaultRollout, ...options.rollout });
  const { identity: instance } = context;
  const shared = { ...context, permit: () => context.election.permit(), instance, rollouts, fleet };
  return [createRevisionKeeper(shared, options), createStatusKeeper(shared, options)];
}
