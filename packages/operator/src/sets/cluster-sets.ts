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
import type { PolicyCatalog } from "../api/policy-catalog.ts";
import type { WritableSetCatalog } from "./set-catalog.ts";

type ClusterSetsDeps = {
  readonly client: KubeClient;
  readonly logger: Logger;
  readonly catalog: Pick<PolicyCatalog, "get" | "all" | "onChange">;
  readonly sets: WritableSetCatalog;
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

/** Services that policies may name; each needs two watches. */
const mostServices = 256;
/** Beyond it, sensors are served without them: the operator may lack the right to read Services. */
const syncMs = 10_000;
/** Nodes come by the thousand when the operator starts. */
const nodesMs = 200;

/**
 * Fills the sets that policies name and that are made of the cluster: the addresses of its API server, its DNS, its
 * nodes and of Services. What no policy names is not watched.
 */
export class ClusterSets {
  readonly #deps: ClusterSetsDeps;
  readonly #options: ClusterSetsOptions;
  readonly #watches = new Map<string, readonly Watch[]>();
  readonly #nodes = new Map<string, readonly string[]>();
  #running: { readonly signal: AbortSignal; readonly ended: Promise<unknown>[] } | undefined;
  #wantsNodes = false;
  #isSettled = false;
  #nodesDue: NodeJS.Timeout | undefined;

  constructor(deps: ClusterSetsDeps, options: ClusterSetsOptions = {}) {
    this.#deps = deps;
    this.#options = options;
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { catalog } = this.#deps;
    this.#running = { signal, ended: [] };
    using _following = catalog.onChange((uid) => this.#want(uid));
    for (const { uid } of catalog.all()) this.#want(uid);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    clearTimeout(this.#nodesDue);
    await Promise.all(this.#running.ended);
  }

  /** What policies named when the operator started has been read, or could not be for a while. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** What the policies name now has been read, or can't be for now. */
  async whenSynced({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const late = AbortSignal.any([signal, AbortSignal.timeout(syncMs)]);
    const watches = [...this.#watches.values()].flat();
    await Promise.all(watches.map((watch) => watch.whenSynced({ signal: late })));
    if (this.#wantsNodes) this.#fillNodes();
    this.#isSettled = true;
  }

  /** Undefined: the node was deleted. */
  node(name: string, addresses: readonly string[] | undefined): void {
    if (addresses === undefined) this.#nodes.delete(name);
    else if (this.#nodes.get(name)?.join() === addresses.join()) return;
    else this.#nodes.set(name, addresses);
    if (this.#wantsNodes) this.#fillNodesLater();
  }

  /** A set that was wanted once is kept: earlier generations of the policy may still name it. */
  #want(uid: string): void {
    const names = this.#deps.catalog.get(uid)?.compiled.value?.sets ?? [];
    for (const name of names) if (isClusterSet(name)) this.#watch(name);
  }

  #watch(name: string): void {
    if (this.#running === undefined || this.#watches.has(name)) return;
    const what = name.slice(clusterPrefix.length);
    if (what === "nodes") {
      if (!this.#wantsNodes) this.#fillNodesLater();
      this.#wantsNodes = true;
      return;
    }
    // Policies of namespaces may name any Service; none of them takes the room of the cluster's own sets.
    if (what.includes("/") && this.#watches.size >= mostServices) {
      this.#deps.sets.deny(name, `Policies name more than ${mostServices} Services`);
      this.#deps.logger.error("Policies name more Services than the operator watches", {
        set: name,
        watched: mostServices,
      });
      return;
    }
    const watches = this.#watchesFor(name, what);
    this.#watches.set(name, watches);
    const { signal, ended } = this.#running;
    ended.push(
      ...watches.map((watch) => watch.run({ signal })),
      Promise.all(watches.map((watch) => watch.whenSynced({ signal }))).then(() =>
        this.#fill(name),
      ),
    );
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
    const watches = this.#watches.get(name) ?? [];
    if (!watches.every((watch) => watch.state().synced)) return;
    this.#put(
      name,
      watches.flatMap((watch) => [...watch.store.values()]).flatMap((one) => one.addresses),
    );
  }

  #fillNodesLater(): void {
    this.#nodesDue ??= setTimeout(() => {
      this.#nodesDue = undefined;
      this.#fillNodes();
    }, nodesMs);
  }

  #fillNodes(): void {
    this.#put(`${clusterPrefix}nodes`, [...this.#nodes.values()].flat());
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
