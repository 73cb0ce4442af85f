// SPDX-License-Identifier: Apache-2.0

export type { RuleInfo } from "../link/rule-info.ts";
export type { FuseFile } from "./fuses/fuse-file.ts";
export { createFuseFile } from "./fuses/fuse-file.ts";
export { blownText } from "./fuses/fuse-report.ts";
export type { FuseChange } from "./fuses/fuses.ts";
export type { InstalledPolicy } from "./installed-policy.ts";
export { unknownPolicyPrefix } from "./left-policies.ts";
export { createManifestFile, type ManifestFile, noManifests } from "./manifest/manifest.ts";
export {
  type EarlyCounts,
  EarlyPods,
  type EarlyPodsDeps,
  type EarlyPodsOptions,
} from "./node/early-pods.ts";
export {
  createNodePolicies,
  type NodeCounts,
  type NodePod,
  type NodePolicies,
  type NodePolicy,
  type NodePolicyCounts,
  type NodeVersion,
  type PolicyShortfall,
} from "./node/node-policies.ts";
export {
  createPolicyManager,
  type PolicyManager,
} from "./policy-manager.ts";
export type {
  AttachmentState,
  HookState,
  PolicyCounters,
  PolicyKey,
  PolicyOrigin,
  PolicyState,
  PolicyStatus,
} from "./policy-state.ts";
