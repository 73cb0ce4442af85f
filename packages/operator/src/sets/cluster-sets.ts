// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";
import type { Logger } from "@gander/base";
import {
  createReflector,
  type KubeClient,
  type KubeObject,
  type Reflector,
  type ReflectorTiming,
  type Resource,
  type Selection,
} from "@gander/kube";
import { clusterPrefix, isClusterSet } from "@gander/policy";
import type { WritableSetCatalog } from "./set-catalog.ts";

type ClusterSetsDeps = {
  readonly client: KubeClient;
  readonly logger: Logger;
  readonly sets: Pick<
    WritableSetCatalog,
    "put" | "deny" | "delete" | "forget" | "isWanted" | "onWanted"
  >;
};

type ClusterSetsOptions = { readonly timing?: Partial<ReflectorTiming> };

export const services: Resource = { group: "", version: "v1", plural: "services" };
export const endpointSlices: Resource = {
  group: "discovery.k8s.io",
  version: "v1",
  plural: "endpointslices",
};

/** A Service or an EndpointSlice, of which only addresses matter. */
type Addresses = { readonly uid: string; readonly addresses: readonly string[] };

type Watch = Reflector<Addresses>;

/** Those of one set, and what ends them. */
type Watches = { readonly all: readonly Watch[]; readonly stop: AbortController };

/** Services that policies may name; each needs two watches. */
const mostServices = 256;
const nodesName = `${clusterPrefix}nodes`;
/** Nodes come and go by the hundred. */
const nodesMs = 200;

/**
 * Fills the sets that policies name and that are made of the cluster: the addresses of its API server, its DNS, its
 * nodes and of Services. What no policy names is not watched.
 */
export class ClusterSets {
  readonly #deps: ClusterSetsDeps;
  readonly #options: ClusterSetsOptions;
  readonly #watches = new Map<string, Watches>();
  /** Wanted, but there was no room for them. */
  readonly #denied = new Set<string>();
  readonly #nodes = new Map<string, readonly string[]>();
  #running: { readonly signal: AbortSignal; readonly ended: Set<Promise<unknown>> } | undefined;
  #wantsNodes = false;
  #areNodesRead = false;
  #nodesDue: NodeJS.Timeout | undefined;

  constructor(deps: ClusterSetsDeps, options: ClusterSetsOptions = {}) {
    this.#deps = deps;
    this.#options = options;
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    this.#running = { signal, ended: new Set() };
    const { sets } = this.#deps;
    using _wanted = sets.onWanted((name) => {
      if (!isClusterSet(name)) return;
      if (sets.isWanted(name)) this.#watch(name);
      else this.#drop(name);
    });
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    clearTimeout(this.#nodesDue);
    await Promise.all(this.#running.ended);
  }

  /** All nodes have been read: earlier, the set would be one of some nodes. */
  nodesRead(): void {
    this.#areNodesRead = true;
    this.#fillNodes();
  }

  /** Undefined: the node was deleted. */
  node(name: string, addresses: readonly string[] | undefined): void {
    if (addresses === undefined) this.#nodes.delete(name);
    else if (this.#nodes.get(name)?.join() === addresses.join()) return;
    else this.#nodes.set(name, addresses);
    if (this.#wantsNodes && this.#areNodesRead) this.#fillNodesLater();
  }

  #watch(name: string): void {
    if (this.#running === undefined || this.#watches.has(name)) return;
    const what = name.slice(clusterPrefix.length);
    if (name === nodesName) {
      this.#wantsNodes = true;
      if (this.#areNodesRead) this.#fillNodesLater();
      return;
    }
    // Policies of namespaces may name any Service; none of them takes the room of the cluster's own sets.
    if (what.includes("/") && this.#watches.size >= mostServices) {
      this.#denied.add(name);
      this.#deps.sets.deny(name, `Policies name more than ${mostServices} Services`);
      this.#deps.logger.error("Policies name more Services than the operator watches", {
        set: name,
        watched: mostServices,
      });
      return;
    }
    const [all, stop] = [this.#watchesFor(name, what), new AbortController()];
    this.#watches.set(name, { all, stop });
    const { signal: own, ended } = this.#running;
    const signal = AbortSignal.any([own, stop.signal]);
    const read = Promise.all(all.map((watch) => watch.whenSynced({ signal })));
    const running: Promise<unknown> = Promise.all([
      ...all.map((watch) => watch.run({ signal })),
      read.then(() => this.#fill(name)),
    ]).then(() => ended.delete(running));
    ended.add(running);
  }

  /** No policy names it any more. */
  #drop(name: string): void {
    if (name === nodesName) this.#wantsNodes = false;
    this.#watches.get(name)?.stop.abort();
    this.#watches.delete(name);
    this.#denied.delete(name);
    this.#deps.sets.forget(name);
    for (const next of this.#denied) {
      if (this.#watches.size >= mostServices) break;
      this.#denied.delete(next);
      this.#deps.sets.forget(next);
      this.#watch(next);
    }
  }

  #watchesFor(name: string, what: string): readonly Watch[] {
    if (what === "dns") {
      const place = { namespace: "kube-system", labelSelector: "k8s-app=kube-dns" };
      return [this.#addresses(name, services, place), this.#addresses(name, endpointSlices, place)];
    }
    const [, namespace = "default", service = "kubernetes"] =
      what === "api-server" ? [] : what.split("/");
    const labelSelector = `kubernetes.io/service-name=${service}`;
    return [
      this.#addresses(name, services, { namespace, fieldSelector: `metadata.name=${service}` }),
      this.#addresses(name, endpointSlices, { namespace, labelSelector }),
    ];
  }

  #addresses(name: string, resource: Resource, selection: Selection): Watch {
    const { client, logger } = this.#deps;
    return createReflector<Addresses>(
      { client, logger },
      {
        ...this.#options,
        resource,
        selection,
        project: (raw) => ({ uid: raw.metadata.uid, addresses: addressesOf(raw) }),
        onChange: () => this.#fill(name),
      },
    );
  }

  /** From both its watches: one alone would be a set of half of the addresses. */
  #fill(name: string): void {
    const { all } = this.#watches.get(name) ?? {};
    if (all === undefined || !all.every((watch) => watch.state().synced)) return;
    this.#put(
      name,
      all.flatMap((watch) => [...watch.store.values()]).flatMap((one) => one.addresses),
    );
  }

  #fillNodesLater(): void {
    this.#nodesDue ??= setTimeout(() => {
      this.#nodesDue = undefined;
      this.#fillNodes();
    }, nodesMs);
  }

  #fillNodes(): void {
    if (!this.#wantsNodes) return;
    this.#put(nodesName, [...this.#nodes.values()].flat());
  }

  /** Without any address it is as if there were no such set: nodes keep what they have. */
  #put(name: string, addresses: readonly string[]): void {
    const values = [...new Set(addresses)].sort();
    if (values.length === 0) this.#deps.sets.delete(name);
    else this.#deps.sets.put({ name, values });
  }
}

type RawAddresses = KubeObject & {
  readonly spec?: { readonly clusterIPs?: readonly string[] };
  readonly endpoints?: readonly { readonly addresses?: readonly string[] }[];
};

/** Of a Service: its cluster addresses. Of an EndpointSlice: those of all endpoints, ready or not. */
function addressesOf(raw: KubeObject): readonly string[] {
  const { spec, endpoints = [] } = raw as RawAddresses;
  return [
    ...(spec?.clusterIPs ?? []),
    ...endpoints.flatMap(({ addresses = [] }) => addresses),
  ].filter((address) => isIP(address) !== 0);
}
