// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { Election, KubeClient, WritePermit } from "@gander/kube";
import type { PolicyCatalog } from "./api/policy-catalog.ts";
import type { Coalescer } from "./bundles/coalesce.ts";
import type { PolicyContents } from "./bundles/policy-contents.ts";
import type { OperatorConfiguration } from "./configuration.ts";
import type { ServingCertificate } from "./identity/serving-certificate.ts";
import type { OperatorMetrics } from "./metrics/operator-metrics.ts";
import type { SensorRelay } from "./relay/sensor-relay.ts";
import type { SensorHub } from "./sensors/sensor-hub.ts";
import type { VerifySensor } from "./sensors/sensor-server.ts";
import type { Resolver } from "./workloads/resolver.ts";

/** Calls `listener` whenever a term of this replica begins; `election.permit()` says if one lasts. */
export type OnElected = (listener: (permit: WritePermit) => void) => Disposable;

/** What all parts of the operator share. */
export type OperatorContext = {
  readonly configuration: OperatorConfiguration;
  readonly logger: Logger;
  readonly version: string;
  readonly client: KubeClient;
  /** The operator's own. */
  readonly namespace: string;
  /** Its identity is `POD_ADDRESS_RANDOM`: see replicaIdentity. */
  readonly election: Election;
  /** This replica's, as it stands in the Lease. */
  readonly identity: string;
  readonly onElected: OnElected;
  /** The certificate of all of the operator's addresses, and the authorities that others trust it by. */
  readonly certificate: ServingCertificate;
  readonly verifySensor: VerifySensor;
  /** Policies, nodes and pods were read as a whole: before, whom a policy is for can't be said. */
  readonly isClusterRead: () => boolean;
  readonly catalog: PolicyCatalog;
  readonly resolver: Resolver;
  readonly contents: PolicyContents;
  readonly hub: SensorHub;
  /** Events of the sensors that are connected here, for those who watch. */
  readonly relay: SensorRelay;
  readonly metrics: OperatorMetrics;
  /** Nodes whose bundles changed; they are told when it has been quiet for a moment. */
  readonly changes: Coalescer<string>;
};

/** One of the operator's tasks. It comes with the first `run` and goes when that returns. */
export type OperatorPart = {
  /** For logs and /readyz. */
  readonly name: string;
  /**
   * Runs until `signal` aborts; then ends what it began (writes in progress are still allowed) and
   * returns. Rejects only if the operator can't go on without: then all of it ends.
   */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Resolves when sensors may be served as far as this part knows; at once if absent. */
  whenReady?(options: { readonly signal: AbortSignal }): Promise<unknown>;
  /** Why the replica should get no new connections now; undefined: nothing is wrong. */
  problem?(): string | undefined;
};
