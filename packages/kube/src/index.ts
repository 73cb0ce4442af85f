// SPDX-License-Identifier: Apache-2.0

export type { AppliedObject, ApplyOptions, Kind, Writer } from "./apply/apply-object.ts";
export { applyObject, applyStatus, createObject, deleteObject } from "./apply/apply-object.ts";
export type {
  EventCounters,
  EventRecorder,
  EventRecorderOptions,
  Regarding,
  Transition,
} from "./apply/event-recorder.ts";
export { createEventRecorder } from "./apply/event-recorder.ts";
export type {
  KubeClient,
  KubeClientOptions,
  KubeRequest,
  KubeWrite,
  RequestOutcome,
} from "./client/client.ts";
export { createKubeClient } from "./client/client.ts";
export type { CredentialSource, Credentials, TlsMaterial } from "./client/credentials.ts";
export type { InClusterOptions } from "./client/in-cluster-credentials.ts";
export { inClusterCredentials } from "./client/in-cluster-credentials.ts";
export type { KubeErrorCause, KubeErrorDetails } from "./client/kube-error.ts";
export { KubeError } from "./client/kube-error.ts";
export type { KubeconfigOptions } from "./client/kubeconfig-credentials.ts";
export { kubeconfigCredentials } from "./client/kubeconfig-credentials.ts";
export { loadCredentials } from "./client/load-credentials.ts";
export type { Place, Resource } from "./client/resource.ts";
export { objectKey, resourcePath } from "./client/resource.ts";
export type { WritePermit, WriteTicket } from "./client/write-permit.ts";
export { unfenced } from "./client/write-permit.ts";
export type { MonotonicClock } from "./clock/monotonic-clock.ts";
export { createMonotonicClock } from "./clock/monotonic-clock.ts";
export type {
  Election,
  ElectionDeps,
  ElectionOptions,
  ElectionState,
} from "./lease/lease-election.ts";
export { createElection } from "./lease/lease-election.ts";
export type { KubeObject, Raw } from "./list-watch/kube-object.ts";
export type { Selection } from "./list-watch/list-objects.ts";
export type { Change, ObjectStore, Projection } from "./list-watch/object-store.ts";
export type { Reflector, ReflectorOptions, ReflectorTiming } from "./list-watch/reflector.ts";
export { createReflector } from "./list-watch/reflector.ts";
export type { ReflectorState, RestartCause } from "./list-watch/reflector-state.ts";
export type { Again, Failure, Handler, WorkQueueCounters, WorkQueueOptions } from "./work-queue.ts";
export { WorkQueue } from "./work-queue.ts";
