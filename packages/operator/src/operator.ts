// SPDX-License-Identifier: Apache-2.0
import { hostname } from "node:os";
import type { Logger } from "@gander/base";
import { createElection, createKubeClient, loadCredentials, type WritePermit } from "@gander/kube";
import { hasWebhook } from "./admission/admission-parts.ts";
import { createClusterWatch } from "./api/cluster-watch.ts";
import { createPolicyCatalog } from "./api/policy-catalog.ts";
import { coalesce } from "./bundles/coalesce.ts";
import { PolicyContents } from "./bundles/policy-contents.ts";
import type { OperatorConfiguration } from "./configuration.ts";
import { createExceptionCatalog } from "./exceptions/exception-catalog.ts";
import { createHealthServer } from "./health-server.ts";
import { createCertificatePart } from "./identity/certificate-part.ts";
import { publishedAuthorities } from "./identity/published-authorities.ts";
import { createSensorTokens } from "./identity/sensor-tokens.ts";
import { createServingCertificate } from "./identity/serving-certificate.ts";
import { type ListenAddress, listenAddress } from "./listen-address.ts";
import { createCoreCollector } from "./metrics/core-collector.ts";
import { createOperatorMetrics } from "./metrics/operator-metrics.ts";
import type { OperatorContext, OperatorPart } from "./operator-part.ts";
import { partsOf } from "./parts.ts";
import { createSensorRelay } from "./relay/sensor-relay.ts";
import { replicaIdentity } from "./replica-identity.ts";
import { runParts } from "./run-parts.ts";
import { SensorHub } from "./sensors/sensor-hub.ts";
import { createSensorServer } from "./sensors/sensor-server.ts";
import { createSetCatalog } from "./sets/set-catalog.ts";
import { untilAborted } from "./until-aborted.ts";
import { Resolver } from "./workloads/resolver.ts";

type OperatorDeps = {
  readonly logger: Logger;
  readonly version: string;
  /** The tasks besides the core; `partsOf` if absent. */
  readonly parts?: (context: OperatorContext) => readonly OperatorPart[];
};

export type Operator = {
  /** Shared by all its parts. */
  readonly context: OperatorContext;
  /**
   * Serves until `signal` aborts; then ends the streams, lets writes in progress finish, and releases the
   * Lease. Rejects with GanderError if it can't continue. Can be called once.
   */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Addresses of the sensor and health servers; resolves when both listen. */
  readonly serving: Promise<{ readonly sensors: ListenAddress; readonly health: ListenAddress }>;
};

/** Beyond it, sensors are served without some sets: the operator may lack the right to read Services. */
const setsMs = 10_000;

/** One replica of the operator. Rejects with `kube-configuration` if it can't locate the API server. */
export async function createOperator(
  configuration: OperatorConfiguration,
  deps: OperatorDeps,
): Promise<Operator> {
  const { logger } = deps;
  const { context, core } = await createCore(configuration, deps);
  const parts = [...core, ...(deps.parts ?? partsOf)(context)];
  const serving = Promise.withResolvers<Awaited<Operator["serving"]>>();
  serving.promise.catch(() => {});
  let stage: "starting" | "serving" | "stopping" = "starting";
  const problems = () => [
    ...parts.flatMap((part) => part.problem?.() ?? []),
    ...(stage === "serving" ? [] : [`the operator is ${stage}`]),
  ];
  const { election, client, changes, hub } = context;

  async function serve(signal: AbortSignal, health: ListenAddress): Promise<AsyncDisposable> {
    await Promise.all(parts.map((part) => part.whenReady?.({ signal })));
    // Else nodes would be told that sets of Services do not exist.
    await context.sets.whenRead({ signal: AbortSignal.any([signal, AbortSignal.timeout(setsMs)]) });
    const server = createSensorServer(
      {
        hub,
        verify: context.verifySensor,
        certificate: context.certificate,
        events: context.relay.serve,
      },
      { ...listenAddress(configuration.sensorAddress), streams: configuration.maxSensors },
    );
    if (signal.aborted) return server;
    const sensors = await server.listen();
    stage = "serving";
    serving.resolve({ sensors, health });
    logger.info("Operator serves", { sensors, health, ...context.resolver.size });
    return server;
  }

  return {
    context,
    serving: serving.promise,
    async run({ signal }) {
      logger.info("Operator starts", { version: deps.version, identity: context.identity });
      await using stack = new AsyncDisposableStack();
      stack.defer(() => client.close());
      stack.defer(() => changes.close());
      stack.use(context.metrics);
      const health = await createHealthServer(
        { problems, metrics: context.metrics.handler },
        listenAddress(configuration.metricsAddress),
      );
      stack.use(health);
      // The last writer to end: the parts finish their writes before the Lease is released.
      const leading = runParts([{ name: "election", run: (options) => election.run(options) }]);
      stack.use(leading);
      const working = runParts(parts);
      stack.use(working);
      const stop = new AbortController();
      const stopping = AbortSignal.any([signal, stop.signal]);
      const served = serve(stopping, health.address);
      try {
        await Promise.race([leading.failed, working.failed, stopped(stopping, served)]);
      } finally {
        stage = "stopping";
        logger.info("Operator stops");
        stop.abort();
        const server = await served.catch(() => undefined);
        await server?.[Symbol.asyncDispose]();
      }
    },
  };
}

/** Ends with the signal, or rejects if serving fails. */
async function stopped(signal: AbortSignal, served: Promise<unknown>): Promise<void> {
  await served;
  await untilAborted(signal);
}

async function createCore(
  configuration: OperatorConfiguration,
  { logger, version }: OperatorDeps,
): Promise<{ readonly context: OperatorContext; readonly core: readonly OperatorPart[] }> {
  const { kubeconfig, leaseDuration, apiAddress } = configuration;
  const source = await loadCredentials(kubeconfig === "" ? {} : { path: kubeconfig });
  const namespace = configuration.namespace || source.namespace;
  const host = configuration.podName || hostname();
  const address =
    configuration.advertiseAddress || `${hostname()}:${listenAddress(apiAddress).port}`;
  const identity = replicaIdentity(host, address);
  const { otlpEndpoint } = configuration;
  const metrics = await createOperatorMetrics({ logger }, { version, identity, otlpEndpoint });
  const client = createKubeClient(source, {
    userAgent: `gander-operator/${version}`,
    observe: metrics.requested,
  });
  const { election, onElected } = electionOf(
    { client, logger },
    { namespace, identity, leaseMs: leaseDuration },
  );
  const certificate = createServingCertificate();
  const catalog = createPolicyCatalog();
  const sets = createSetCatalog();
  const exceptions = createExceptionCatalog();
  const resolver = new Resolver();
  const contents = new PolicyContents();
  const announcesSessions = configuration.sessions && hasWebhook(configuration);
  const hub = new SensorHub(
    { resolver, contents, observe: metrics },
    { operatorVersion: version, announcesSessions },
  );
  const changes = coalesce<string>((nodes) => void hub.push(nodes));
  const cluster = createClusterWatch(
    { client, logger, catalog, sets, exceptions, resolver, changes },
    { podAnnotations: configuration.eventPodAnnotations },
  );
  metrics.add(createCoreCollector({ election, hub, resolver, watches: cluster.states }));
  const { sensorServiceAccount: serviceAccount, tokenAudience: audience } = configuration;
  const context: OperatorContext = {
    configuration,
    logger,
    version,
    client,
    namespace,
    identity,
    election,
    onElected,
    certificate,
    verifySensor: createSensorTokens({ client, logger }, { namespace, serviceAccount, audience }),
    isClusterRead: () => cluster.problem() === undefined,
    catalog,
    sets,
    exceptions,
    resolver,
    contents,
    hub,
    metrics,
    relay: createSensorRelay(hub),
    changes,
  };
  return {
    context,
    core: [
      createCertificatePart({ ...context, certificate }),
      publishedAuthorities(context),
      cluster,
    ],
  };
}

/** Elects the replica that writes for all, and notifies it. */
function electionOf(
  deps: Parameters<typeof createElection>[0],
  lease: { readonly namespace: string; readonly identity: string; readonly leaseMs: number },
): Pick<OperatorContext, "election" | "onElected"> {
  const elected = new Set<{ readonly call: (permit: WritePermit) => void }>();
  const election = createElection(deps, {
    ...lease,
    name: "gander-operator",
    renewDeadlineMs: (lease.leaseMs * 2) / 3,
    retryMs: lease.leaseMs / 8,
    onElected: (permit) => {
      for (const { call } of elected) call(permit);
    },
  });
  return {
    election,
    onElected: (call) => {
      const listener = { call };
      elected.add(listener);
      return { [Symbol.dispose]: () => void elected.delete(listener) };
    },
  };
}
