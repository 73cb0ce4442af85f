// SPDX-License-Identifier: Apache-2.0

export type { AppliedObject, Kind, Writer } from "./apply/apply-object.ts";
export { applyObject, applyStatus, createObject, deleteObject } from "./apply/apply-object.ts";
export type { EventCounters, EventRecorder } from "./apply/event-recorder.ts";
export { createEventRecorder } from "./apply/event-recorder.ts";
export type { KubeClient, RequestOutcome } from "./client/client.ts";
export { createKubeClient } from "./client/client.ts";
export type { CredentialSource, Credentials, TlsMaterial } from "./client/credentials.ts";
export { inClusterCredentials } from "./client/in-cluster-credentials.ts";
export { KubeError } from "./client/kube-error.ts";
export { kubeconfigCredentials } from "./client/kubeconfig-credentials.ts";
export { loadCredentials } from "./client/load-credentials.ts";
export type { Place, Resource } from "./client/resource.ts";
export { resourcePath } from "./client/resource.ts";
export type { WritePermit } from "./client/write-permit.ts";
export { unfenced } from "./client/write-permit.ts";
export type { Election } from "./lease/lease-election.ts";
export { createElection } from "./lease/lease-election.ts";
export type { KubeObject, Raw } from "./list-watch/kube-object.ts";
export type { Selection } from "./list-watch/list-objects.ts";
export type { Change } from "./list-watch/object-store.ts";
export type { Reflector, ReflectorTiming } from "./list-watch/reflector.ts";
export { createReflector } from "./list-watch/reflector.ts";
export type { ReflectorState, RestartCause } from "./list-watch/reflector-state.ts";
export type { Again, Failure } from "./work-queue.ts";
export { WorkQueue } from "./work-queue.ts";
