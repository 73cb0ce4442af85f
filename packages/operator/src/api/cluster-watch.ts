// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";
import type { Logger } from "@gander/base";
import {
  createReflector,
  type KubeClient,
  KubeError,
  type KubeObject,
  type Reflector,
  type ReflectorState,
  type ReflectorTiming,
} from "@gander/kube";
import type { Coalescer } from "../bundles/coalesce.ts";
import type { WritableExceptionCatalog } from "../exceptions/exception-catalog.ts";
import { exceptionResources, watchExceptions } from "../exceptions/watch-exceptions.ts";
import type { OperatorPart } from "../operator-part.ts";
import { ClusterSets } from "../sets/cluster-sets.ts";
import type { WritableSetCatalog } from "../sets/set-catalog.ts";
import { valueSets, watchValueSets } from "../sets/watch-value-sets.ts";
import type { Resolver } from "../workloads/resolver.ts";
import { labelsKey } from "../workloads/workload.ts";
import { nodes, pods, policyKinds } from "./cluster-resources.ts";
import { createIntern } from "./intern.ts";
import { createPodFeed } from "./pod-feed.ts";
import type { PolicyObject, WritablePolicyCatalog } from "./policy-catalog.ts";
import type { RawPod } from "./raw-pod.ts";
import { isSamePod, readPod, runningPods, type WatchedPod } from "./read-pod.ts";
import { type RawPolicy, readPolicyObject } from "./read-policy-object.ts";

type ClusterWatchDeps = {
  readonly client: KubeClient;
  readonly logger: Logger;
  readonly catalog: WritablePolicyCatalog;
  readonly sets: WritableSetCatalog;
  readonly exceptions: WritableExceptionCatalog;
  readonly resolver: Resolver;
  readonly changes: Coalescer<string>;
};

type ClusterWatch = Required<OperatorPart> & {
  /** By plural name. */
  states(): readonly (readonly [string, ReflectorState])[];
};

type ClusterWatchOptions = {
  readonly timing?: Partial<ReflectorTiming>;
  /** Keys of the annotations of pods that events show. */
  readonly podAnnotations?: readonly string[];
};

type Watch = Pick<Reflector<{ readonly uid: string }>, "run" | "whenSynced" | "state">;
type NamedWatch = { readonly plural: string; readonly watch: Watch };

/**
 * Watches policies, their sets and exceptions, nodes and pods, and updates the catalog and the resolver. It is ready when all have
 * been read in full: earlier, a bundle would lack policies. If a watch fails later, the known state is
 * kept.
 */
export function createClusterWatch(
  deps: ClusterWatchDeps,
  options: ClusterWatchOptions = {},
): ClusterWatch {
  const clusterSets = new ClusterSets(deps, options.timing ? { timing: options.timing } : {});
  const setWatch = watchValueSets(deps, options);
  const nodeWatch = watchNodes(deps, clusterSets, options);
  const watches: readonly NamedWatch[] = [
    ...policyKinds.map((kind) => ({
      plural: kind.plural,
      watch: watchPolicies(kind, deps, options),
    })),
    { plural: valueSets.plural, watch: setWatch },
    ...exceptionResources.map((resource) => ({
      plural: resource.plural,
      watch: watchExceptions(resource, deps, options),
    })),
    { plural: nodes.plural, watch: nodeWatch },
    { plural: pods.plural, watch: watchPods(deps, options) },
  ];
  return {
    name: "cluster-watch",
    async run({ signal }) {
      await Promise.all([
        ...watches.map(({ watch }) => watch.run({ signal })),
        clusterSets.run({ signal }),
        setWatch.whenSynced({ signal }).then((isSynced) => isSynced && deps.sets.objectsRead()),
        nodeWatch.whenSynced({ signal }).then((isSynced) => isSynced && clusterSets.nodesRead()),
      ]);
    },
    async whenReady({ signal }) {
      await Promise.all(watches.map(({ watch }) => watch.whenSynced({ signal })));
    },
    states: () => watches.map(({ plural, watch }) => [plural, watch.state()]),
    problem() {
      const missing = watches.filter(({ watch }) => !watch.state().synced);
      return missing.length === 0 ? undefined : missing.map(unreadText).join("; ");
    },
  };
}

function unreadText({ plural, watch }: NamedWatch): string {
  const { lastError } = watch.state();
  if (lastError === undefined) return `${plural} are being read`;
  const hint =
    lastError instanceof KubeError && lastError.code === "kube-not-found"
      ? " Its definition is missing: upgrade the chart gander-crds."
      : "";
  return `${plural} could not be read yet: ${lastError.message}${hint}`;
}

function watchPolicies(
  kind: (typeof policyKinds)[number],
  { client, logger, catalog }: ClusterWatchDeps,
  options: ClusterWatchOptions,
): Watch {
  return createReflector<PolicyObject, RawPolicy>(
    { client, logger },
    {
      ...options,
      resource: kind,
      project: (raw) => readPolicyObject(kind.kind, raw, catalog.asPut(raw.metadata.uid)),
      // Each event is a change of the object: a deep comparison costs more than it saves.
      equal: (a, b) => versionOf(a) === versionOf(b),
      onChange: (change) => {
        if (change.type === "deleted") catalog.delete(change.previous.uid);
        else catalog.put(change.value);
      },
    },
  );
}

function versionOf({ object }: PolicyObject): unknown {
  return (object.metadata as KubeObject["metadata"]).resourceVersion;
}

type WatchedNode = {
  readonly uid: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
};

type RawNode = KubeObject & {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly status?: { readonly addresses?: readonly { readonly address?: string }[] };
};

function watchNodes(
  { client, logger, resolver, changes }: ClusterWatchDeps,
  sets: ClusterSets,
  options: ClusterWatchOptions,
): Watch {
  return createReflector<WatchedNode, RawNode>(
    { client, logger },
    {
      ...options,
      resource: nodes,
      project: ({ metadata: { uid, name, labels = {} }, status }) => ({
        ...{ uid, name, labels },
        addresses: (status?.addresses ?? []).flatMap(({ address = "" }) =>
          isIP(address) === 0 ? [] : address,
        ),
      }),
      equal: (a, b) =>
        labelsKey(a.labels) === labelsKey(b.labels) && a.addresses.join() === b.addresses.join(),
      onChange: (change) => {
        const { name } = change.type === "deleted" ? change.previous : change.value;
        sets.node(name, change.type === "deleted" ? undefined : change.value.addresses);
        if (change.type === "deleted") changes.add(resolver.deleteNode(name));
        else changes.add(resolver.putNode(name, change.value.labels));
      },
    },
  );
}

function watchPods(
  { client, logger, resolver, changes }: ClusterWatchDeps,
  options: ClusterWatchOptions,
): Watch {
  const intern = createIntern();
  const { timing, podAnnotations = [] } = options;
  const wanted = { annotations: podAnnotations.toSorted() };
  return createReflector<WatchedPod, RawPod>(
    { client, logger },
    {
      ...(timing && { timing }),
      resource: pods,
      selection: runningPods,
      project: (raw) => readPod(raw, intern, wanted),
      equal: isSamePod,
      onChange: createPodFeed({ resolver, changed: (names) => changes.add(names) }),
    },
  );
}
