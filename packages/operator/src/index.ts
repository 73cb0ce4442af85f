// SPDX-License-Identifier: Apache-2.0

export type {
  PolicyCatalog,
  PolicyObject,
  ReadPolicy,
} from "./api/policy-catalog.ts";
export { bundleDelta, isEmptyDelta } from "./bundles/bundle-delta.ts";
export { type CoalesceOptions, type Coalescer, coalesce } from "./bundles/coalesce.ts";
export { PolicyContents } from "./bundles/policy-contents.ts";
export { stateDigest } from "./bundles/state-digest.ts";
export type { NodeEvents, RelayReader } from "./relay/event-relay.ts";
export { createSensorRelay, type SensorRelay } from "./relay/sensor-relay.ts";
export type { NodeException, Rollout } from "./sensors/rollout-state.ts";
export { SensorHub, type SensorHubDeps, type SensorHubOptions } from "./sensors/sensor-hub.ts";
export {
  createSensorServer,
  type SensorCredentials,
  type SensorServer,
  type SensorServerOptions,
  type VerifySensor,
} from "./sensors/sensor-server.ts";
export { createFleetView, type WritableFleetView } from "./status/create-fleet-view.ts";
export type {
  FleetNode,
  FleetPolicy,
  FleetRevision,
  FleetSource,
  FleetView,
} from "./status/fleet-view.ts";
export { localSource } from "./status/local-source.ts";
export {
  type Bundle,
  type ChangedNodes,
  type PodPolicies,
  Resolver,
} from "./workloads/resolver.ts";
export type { Labels, Pod, PolicyRevision } from "./workloads/workload.ts";
