// SPDX-License-Identifier: Apache-2.0

export { bundleDelta } from "./bundles/bundle-delta.ts";
export { coalesce } from "./bundles/coalesce.ts";
export { PolicyContents } from "./bundles/policy-contents.ts";
export { stateDigest } from "./bundles/state-digest.ts";
export type { NodeEvents } from "./relay/event-relay.ts";
export { createSensorRelay, type SensorRelay } from "./relay/sensor-relay.ts";
export { SensorHub, type SensorHubOptions } from "./sensors/sensor-hub.ts";
export {
  createSensorServer,
  type SensorServer,
  type VerifySensor,
} from "./sensors/sensor-server.ts";
export { createFleetView } from "./status/create-fleet-view.ts";
export type { FleetPolicy, FleetRevision } from "./status/fleet-view.ts";
export { localSource } from "./status/local-source.ts";
export { type Bundle, Resolver } from "./workloads/resolver.ts";
export {
  type Labels,
  noDetails,
  type Pod,
  type PodDetails,
  type PolicyRevision,
} from "./workloads/workload.ts";
