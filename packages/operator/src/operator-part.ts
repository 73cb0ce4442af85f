// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { Election, KubeClient, WritePermit } from "@gander/kube";
import type { PolicyCatalog } from "./api/policy-catalog.ts";
import type { Coalescer } from "./bundles/coalesce.ts";
import type { PolicyContents } from "./bundles/policy-contents.ts";
import type { OperatorConfiguration } from "./configuration.ts";
import type { ExceptionCatalog } from "./exceptions/exception-catalog.ts";
import type { ServingCertificate } from "./identity/serving-certificate.ts";
import type { OperatorMetrics } from "./metrics/operator-metrics.ts";
import type { SensorRelay } from "./relay/sensor-relay.ts";
import type { SensorHub } from "./sensors/sensor-hub.ts";
import type { VerifySensor } from "./sensors/sensor-server.ts";
import type { SetCatalog } from "./sets/set-catalog.ts";
import type { Resolver } from "./workloads/resolver.ts";

/** Calls `listener` whenever a term of this replica begins; `election.permit()` says if it still lasts. */
export type OnElected = (listener: (permit: WritePermit) => void) => Disposable;

/** Shared by all parts of the operator. */
export type OperatorContext = {
  readonly configuration: OperatorConfiguration;
  readonly logger: Logger;
  readonly version: string;
  readonly client: KubeClient;
  /** The operator's own. */
  readonly namespace: string;
  /** Its identity is `POD_ADDRESS_RANDOM`: see replicaIdentity. */
  readonly election: Election;
  /** This replica's identity in the Lease. */
  readonly identity: string;
  readonly onElected: OnElected;
  /** The certificate of all the operator's addresses, and the authorities by which clients trust it. */
  readonly certificate: ServingCertificate;
  readonly verifySensor: VerifySensor;
  /** Policies, nodes and pods have been read in full: earlier, a policy's nodes are unknown. */
  readonly isClusterRead: () => boolean;
  readonly catalog: PolicyCatalog;
  readonly sets: SetCatalog;
  readonly exceptions: ExceptionCatalog;
  readonly resolver: Resolver;
  readonly contents: PolicyContents;
  readonly hub: SensorHub;
  /** Events of the sensors connected here, for readers. */
  readonly relay: SensorRelay;
  readonly metrics: OperatorMetrics;
  /** Nodes whose bundles changed; they are notified after a quiet moment. */
  readonly changes: Coalescer<string>;
};

/** One of the operator's tasks. It lives from the call of `run` until that returns. */
export type OperatorPart = {
  /** For logs and /readyz. */
  readonly name: string;
  /**
   * Runs until `signal` aborts; then ends what it started (writes in progress may finish) and returns.
   * Rejects only if the operator can't continue without it: then the whole operator ends.
   */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Resolves when this part is ready for sensors to be served; at once if absent. */
  whenReady?(options: { readonly signal: AbortSignal }): Promise<unknown>;
  /** Why the replica should get no new connections now; undefined if nothing is wrong. */
  problem?(): string | undefined;
};
