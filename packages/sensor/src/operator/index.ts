// SPDX-License-Identifier: Apache-2.0
export type {
  NodeCounts,
  NodePolicies,
  NodeVersion,
  PolicyShortfall,
} from "../policy/node/node-policies.ts";
export { BundleKeeper } from "./bundle-keeper.ts";
export { BundleStore } from "./bundle-store.ts";
export { createEventRelay, type EventRelay } from "./event-relay.ts";
export type { KernelFactsMessage } from "./kernel-facts-message.ts";
export { type OperatorAccess, operatorAccess } from "./operator-access.ts";
export { type OperatorLink, type OperatorLinkOptions, startOperatorLink } from "./operator-link.ts";
export type { OperatorStatus } from "./operator-status.ts";
