// SPDX-License-Identifier: Apache-2.0
export type {
  NodeCounts,
  NodePolicies,
  NodeVersion,
  PolicyShortfall,
} from "../policy/node/node-policies.ts";
export { BundleKeeper } from "./bundle-keeper.ts";
export { BundleStore } from "./bundle-store.ts";
export type { KernelFactsMessage } from "./kernel-facts-message.ts";
export { type OperatorAccess, operatorAccess } from "./operator-access.ts";
export { createOperatorEvents, type OperatorEvents } from "./operator-events.ts";
export { type OperatorLink, startOperatorLink } from "./operator-link.ts";
export type { OperatorStatus } from "./operator-status.ts";
export { tellStartProblem } from "./tell-start-problem.ts";
