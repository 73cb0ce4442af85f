// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Election } from "@gander/kube";
import { createCheckFleet, nodesOnly } from "../admission/check-fleet.ts";
import { connectedKernels } from "../admission/connected-kernels.ts";
import { type CheckFleet, withUnconnected } from "../admission/fleet-report.ts";
import { mergeReports } from "../admission/fleet-report-messages.ts";
import type { OperatorConfiguration } from "../configuration.ts";
import { createFleetAnswers } from "../fleet/fleet-answers.ts";
import type { FleetMethod } from "../fleet/fleet-method.ts";
import { createFleetMethods } from "../fleet/fleet-methods.ts";
import { startFleetServer } from "../fleet/fleet-server.ts";
import { type Answerer, createServePeople, createServeReplicas } from "../fleet/serve-people.ts";
import { createUserTokens, type VerifyUser } from "../fleet/user-tokens.ts";
import { createWatchEvents } from "../fleet/watch-events.ts";
import { type ListenAddress, listenAddress } from "../listen-address.ts";
import type { OperatorContext, OperatorPart } from "../operator-part.ts";
import type { AnnounceSession } from "../sessions/session-announcer.ts";
import type { SessionResult } from "../sessions/session-counts.ts";
import type { WritableFleetView } from "../status/create-fleet-view.ts";
import { checkPath, createServeChecks } from "./fleet-checks.ts";
import { HolderFollower } from "./holder-follower.ts";
import { createHolderLink } from "./holder-link.ts";
import {
  createReportingReplicas,
  type ReplicaCall,
  type ReportingReplicas,
} from "./reporting-replicas.ts";
import { createSessionRoutes } from "./session-routes.ts";

type FleetPart = OperatorPart & {
  /** Address for people and replicas; resolves when the server listens. */
  readonly serving: Promise<ListenAddress>;
  /** Checks all nodes, whichever replica their sensors are connected to. */
  readonly checkFleet: CheckFleet;
  /** Reaches all nodes, too. */
  readonly announce: AnnounceSession;
};

/** The parts of the context that it uses. */
type FleetPartDeps = Pick<
  OperatorContext,
  | ("logger" | "client" | "certificate" | "hub" | "resolver" | "catalog" | "exceptions")
  | ("relay" | "identity" | "namespace" | "version")
> & {
  readonly election: Pick<Election, "state">;
  readonly configuration: Pick<
    OperatorConfiguration,
    "serviceName" | "apiAddress" | "tokenAudience"
  >;
};

type FleetPartOptions = {
  /** Asks the API server if absent. */
  readonly verify?: VerifyUser;
  readonly retryMs?: number;
  /** A session that another replica passed on, and what became of it here. */
  readonly sessionPassedOn?: (kind: string, result: SessionResult) => void;
};

/** How often to check who holds the Lease. */
const lookMs = 100;

/**
 * Answers questions about the whole fleet and connects the replicas: this one reports to the holder of the
 * Lease or, as the holder, receives the others' reports. Without a holder, each answers with what it knows
 * itself.
 */
export function createFleetPart(
  context: FleetPartDeps,
  view: WritableFleetView,
  { verify, retryMs, sessionPassedOn = () => {} }: FleetPartOptions = {},
): FleetPart {
  const { configuration, logger, client, certificate, hub, resolver } = context;
  const { election, identity, version } = context;
  const { relay } = context.relay;
  const serverName = `${configuration.serviceName}.${context.namespace}.svc`;
  const routes = createSessionRoutes({
    ...{ hub, holder: () => holder.link, replicas: () => replicas, passedOn: sessionPassedOn },
  });
  const onSession = routes.fromReplica;
  const replicas = createReportingReplicas({ hub, relay, addSource: view.add, onSession });
  const methods = fleetMethods(context, view, replicas);
  const checkOwn = createCheckFleet({ kernels: connectedKernels({ hub, resolver }), logger });
  const checkAll: CheckFleet = async (policy, options) => {
    const others = replicas.all().map((replica) => replica.checkFleet(policy, options));
    return mergeReports(await Promise.all([checkOwn(policy, options), ...others]));
  };
  const holder = new HolderFollower({
    ...{ election, identity, onElsewhere: (reason) => replicas.endAll(reason) },
    connect: (address) =>
      createHolderLink(
        {
          ...{ hub, resolver, relay, view, certificate, logger, checkFleet: checkOwn },
          onSession: routes.fromHolder,
        },
        { ...{ address, serverName, identity, version }, ...(retryMs && { retryMs }) },
      ),
  });
  const serving = Promise.withResolvers<ListenAddress>();
  serving.promise.catch(() => {});

  const answerer = (): Answerer => holder.link ?? "here";

  return {
    name: "fleet",
    serving: serving.promise,
    announce: routes.announce,
    async checkFleet(policy, options) {
      const { link } = holder;
      const report =
        link === undefined
          ? await checkAll(policy, options)
          : // If the holder can't be reached, an answer from local knowledge is better than none.
            await link.checkFleet(policy, options).catch(() => checkOwn(policy, options));
      return withUnconnected(report, resolver.nodesFor(nodesOnly(policy)).size);
    },
    async run({ signal }) {
      if (!(await certificate.whenReady({ signal }))) return;
      const people =
        verify ?? createUserTokens({ client, logger }, { audience: configuration.tokenAudience });
      await using server = await startFleetServer(
        {
          certificate,
          methods,
          servePeople: createServePeople({ verify: people, answerer }),
          serveReplicas: createServeReplicas({ answerer }),
          peers: {
            "/gander.v1.Peers/Report": (call: ReplicaCall) => replicas.serveReport(call),
            "/gander.v1.Peers/Events": (call: ReplicaCall) => replicas.serveEvents(call),
            [checkPath]: createServeChecks(checkAll),
          },
          ending: () => holder.ending,
        },
        { address: listenAddress(configuration.apiAddress), serverName },
      );
      serving.resolve(server.address);
      logger.info("The fleet address is open", { address: server.address });
      while (!signal.aborted) {
        holder.look();
        await sleep(lookMs, undefined, { signal }).catch(() => {});
      }
      holder.close();
      replicas[Symbol.dispose]();
    },
  };
}

/** The methods for people, answered from this replica's knowledge and the others' reports. */
function fleetMethods(
  deps: FleetPartDeps,
  view: WritableFleetView,
  replicas: ReportingReplicas,
): readonly FleetMethod[] {
  const { catalog, exceptions, hub, resolver, version, identity, election } = deps;
  const { relay } = deps.relay;
  const answers = createFleetAnswers({
    ...{ catalog, exceptions, view, hub, resolver, version },
    replicas: () => [
      {
        identity,
        operator_version: version,
        holds_lease: election.state().isLeader,
        sensors: hub.connected,
      },
      ...replicas.all().map((replica) => replica.status),
    ],
    peers: () => replicas.all(),
  });
  const sensors = () =>
    replicas.all().reduce((sum, replica) => sum + replica.sensors, hub.connected);
  return [...createFleetMethods(answers), createWatchEvents({ relay, sensors })];
}
