// SPDX-License-Identifier: Apache-2.0
import { lstatSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { RecordOffsets } from "../records/record-layouts.ts";
import type { RecordReader } from "../records/record-reader.ts";
import { isPodsRoot, podUidOf } from "./cgroup-names.ts";
import { type ContainerBundles, createContainerBundles } from "./container-bundles.ts";
import { containerIdOf } from "./container-id.ts";
import type { KnownPod, PodCgroup, PodCgroups } from "./pod-cgroups.ts";
import { noWorkload, type Workload, type Workloads } from "./workload.ts";
import { createWorkloadMaker, type WorkloadMaker } from "./workload-maker.ts";

/** The pod and container of a cgroup, by its id; nested cgroups belong to those above. */
export type Cgroups = Workloads &
  PodCgroups & {
    /** RECORD_CGROUP_MKDIR; may arrive twice. */
    created(reader: RecordReader): void;
    /** RECORD_CGROUP_RMDIR: forgotten a while later, because events of its processes may still arrive. */
    removed(reader: RecordReader): void;
    /** Calls back with the new workloads of known processes, by their previous ones. */
    onReplaced(listener: (replaced: ReadonlyMap<Workload, Workload>) => void): void;
    /** Forgets those that were removed long enough ago; call it now and then. */
    collect(): void;
    readonly size: () => number;
  };

export type CgroupsOptions = {
  /** The mount point of cgroup v2. */
  readonly root: string;
  readonly bundles?: ContainerBundles;
  /** A machine can have any number of cgroups; only those in pods and containers are kept. */
  readonly maxCgroups?: number;
  /** How long a removed cgroup stays known, in ms: longer than ended processes do. */
  readonly retentionMs?: number;
  /** Milliseconds that never decrease. */
  readonly now?: () => number;
};

/** A recorded cgroup. */
type Node = {
  readonly id: bigint;
  readonly name: string;
  readonly parent: Node | undefined;
  readonly children: Set<Node>;
  /** The pod UID in its own name. */
  readonly podUid: string;
  readonly containerId: string;
  /** This cgroup and all below it hold pods. */
  readonly inPods: boolean;
  place: Place;
  gone: boolean;
};

/** The pod and container of a cgroup, from all names above it and the known pods. */
type Place = { readonly cgroup: PodCgroup | undefined; readonly workload: Workload };

/** How long after its cgroup is created a container's bundle is looked up again. */
const againMs = [100, 500, 2_000, 10_000];

/** The most removed cgroups that are kept. */
const maxGone = 1024;

export function createCgroups(offsets: RecordOffsets, options: CgroupsOptions): Cgroups {
  return new CgroupTree(offsets, options);
}

class CgroupTree implements Cgroups {
  readonly #offsets: RecordOffsets;
  readonly #root: string;
  readonly #maxCgroups: number;
  readonly #retentionMs: number;
  readonly #now: () => number;
  readonly #maker: WorkloadMaker;
  readonly #nodes = new Map<bigint, Node>();
  /** Removed but not forgotten yet, oldest first. */
  readonly #gone: { readonly id: bigint; readonly atMs: number }[] = [];
  /** Missing in the last scan. */
  readonly #missing = new Set<bigint>();
  #pods: ReadonlyMap<string, KnownPod> = new Map();
  #changed: (cgroup: PodCgroup) => void = () => {};
  #left: (id: bigint) => void = () => {};
  #replaced: (workloads: ReadonlyMap<Workload, Workload>) => void = () => {};

  constructor(
    offsets: RecordOffsets,
    { root, bundles = createContainerBundles(), ...limits }: CgroupsOptions,
  ) {
    this.#offsets = offsets;
    this.#root = root;
    this.#maxCgroups = limits.maxCgroups ?? 65_536;
    this.#retentionMs = limits.retentionMs ?? 60_000;
    this.#now = limits.now ?? (() => performance.now());
    this.#maker = createWorkloadMaker(bundles);
  }

  size(): number {
    return this.#nodes.size;
  }

  of(low: number, high: number): Workload {
    if (this.#nodes.size === 0) return noWorkload;
    return this.#nodes.get((BigInt(high) << 32n) | BigInt(low))?.place.workload ?? noWorkload;
  }

  created(reader: RecordReader): void {
    const { id, parentId, hierarchy, path, size } = this.#offsets.cgroupRecord;
    if (reader.u32(hierarchy) !== 0) return;
    const length = Math.min(reader.u16(path + this.#offsets.text.size), reader.length - size);
    const start = reader.base + size;
    const name = basename(reader.buffer.toString("utf8", start, start + length));
    this.#add(reader.u64(id), reader.u64(parentId), name);
  }

  removed(reader: RecordReader): void {
    if (reader.u32(this.#offsets.cgroupRecord.hierarchy) !== 0) return;
    const node = this.#nodes.get(reader.u64(this.#offsets.cgroupRecord.id));
    if (node !== undefined) this.#remove(node);
  }

  collect(): void {
    const before = this.#now() - this.#retentionMs;
    while ((this.#gone[0]?.atMs ?? Number.POSITIVE_INFINITY) <= before) this.#forgetOldest();
  }

  scan(): void {
    const seen = new Set<bigint>();
    scanBelow(this.#root, inodeOf(this.#root) ?? 1n, 0, (id, parent, name) => {
      seen.add(id);
      this.#add(id, parent, name);
    });
    for (const node of this.#nodes.values()) {
      if (node.gone || seen.has(node.id)) this.#missing.delete(node.id);
      // A cgroup is announced before it is visible, so only one missing twice has gone.
      else if (this.#missing.delete(node.id)) this.#remove(node);
      else this.#missing.add(node.id);
    }
  }

  tell(known: readonly KnownPod[]): void {
    this.#pods = new Map(known.map((pod) => [pod.uid, pod]));
    this.#placeAgain([...this.#nodes.values()].filter(({ inPods }) => inPods));
  }

  *inPods(): Generator<PodCgroup> {
    for (const { place, gone } of this.#nodes.values())
      if (place.cgroup !== undefined && !gone) yield place.cgroup;
  }

  onChanged(listener: (cgroup: PodCgroup) => void): void {
    this.#changed = listener;
  }

  onRemoved(listener: (id: bigint) => void): void {
    this.#left = listener;
  }

  onReplaced(listener: (replaced: ReadonlyMap<Workload, Workload>) => void): void {
    this.#replaced = listener;
  }

  #add(id: bigint, parentId: bigint, name: string): void {
    if (this.#nodes.has(id)) return;
    const parent = this.#nodes.get(parentId);
    const [podUid, containerId] = [podUidOf(name), containerIdOf(name)];
    const inPods = parent?.inPods === true || podUid !== "" || isPodsRoot(name);
    // Most cgroups belong to no pod or container, nor do those above: they are not recorded.
    if (parent === undefined && !inPods && containerId === "") return;
    if (this.#nodes.size >= this.#maxCgroups) return;
    const node: Node = {
      ...{ id, name, parent, podUid, containerId, inPods },
      children: new Set(),
      place: { cgroup: undefined, workload: noWorkload },
      gone: false,
    };
    this.#nodes.set(id, node);
    parent?.children.add(node);
    node.place = this.#placeOf(node);
    if (node.place.cgroup === undefined) return;
    this.#changed(node.place.cgroup);
    if (isUnknown(node)) this.#lookAgain(node, 0);
  }

  #remove(node: Node): void {
    if (node.gone) return;
    node.gone = true;
    if (node.inPods) this.#left(node.id);
    this.#gone.push({ id: node.id, atMs: this.#now() });
    if (this.#gone.length > maxGone) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const oldest = this.#gone.shift();
    if (oldest !== undefined) this.#forget(oldest.id);
  }

  #forget(id: bigint): void {
    const node = this.#nodes.get(id);
    if (node === undefined) return;
    node.parent?.children.delete(node);
    this.#nodes.delete(id);
    // What was made for it, and encoded since, is most of the memory that a container takes.
    if (node.containerId !== "" || node.podUid !== "")
      this.#maker.forget(node.containerId, node.place.cgroup?.pod ?? "");
  }

  #placeOf(node: Node): Place {
    const line = lineOf(node);
    const uid = owningPod(line, this.#pods);
    const containerId = containerIn(line, uid);
    const pod = this.#pods.get(uid);
    const workload = this.#maker.workload({ containerId, name: node.name, uid, pod });
    const container =
      containerId === "" ? "unknown" : (this.#maker.facts(containerId) ?? "unknown");
    return { workload, cgroup: node.inPods ? { id: node.id, pod: uid, container } : undefined };
  }

  /** More is known: reports what has changed. */
  #placeAgain(some: Iterable<Node>): void {
    const workloads = new Map<Workload, Workload>();
    for (const node of some) {
      const before = node.place;
      node.place = this.#placeOf(node);
      if (node.place.workload !== before.workload && before.workload !== noWorkload)
        workloads.set(before.workload, node.place.workload);
      if (node.place.cgroup !== undefined && !node.gone) this.#changed(node.place.cgroup);
    }
    if (workloads.size > 0) this.#replaced(workloads);
  }

  #lookAgain(node: Node, tries: number): void {
    const delay = againMs[tries];
    if (delay === undefined) return;
    setTimeout(() => {
      if (node.gone || !isUnknown(node)) return;
      if (this.#maker.facts(node.containerId) === undefined) this.#lookAgain(node, tries + 1);
      else this.#placeAgain(withDescendants(node));
    }, delay).unref();
  }
}

function isUnknown({ containerId, place }: Node): boolean {
  return containerId !== "" && place.cgroup?.container === "unknown";
}

/** From the topmost recorded cgroup down to this one. */
function lineOf(node: Node): readonly Node[] {
  const line: Node[] = [];
  for (let at: Node | undefined = node; at !== undefined; at = at.parent) line.unshift(at);
  return line;
}

/**
 * The outermost known pod, else the outermost. So a workload that can create cgroups cannot pass for another
 * pod, and a node that runs inside another cluster's pod still has its own pods.
 */
function owningPod(line: readonly Node[], pods: ReadonlyMap<string, unknown>): string {
  const uids = line.map(({ podUid }) => podUid).filter((uid) => uid !== "");
  return uids.find((uid) => pods.has(uid)) ?? uids[0] ?? "";
}

/**
 * In a pod the outermost: the workload itself made the cgroups nested in it. One name may have both. Otherwise
 * the innermost.
 */
function containerIn(line: readonly Node[], uid: string): string {
  if (uid === "") return line.findLast(({ containerId }) => containerId !== "")?.containerId ?? "";
  const pod = line.findIndex(({ podUid }) => podUid === uid);
  return line.find(({ containerId }, i) => i >= pod && containerId !== "")?.containerId ?? "";
}

function* withDescendants(node: Node): Generator<Node> {
  yield node;
  for (const child of node.children) yield* withDescendants(child);
}

type Found = (id: bigint, parent: bigint, name: string) => void;

function scanBelow(directory: string, parent: bigint, depth: number, found: Found): void {
  for (const name of readDirectory(directory)) {
    const path = join(directory, name);
    const id = inodeOf(path);
    if (id === undefined) continue;
    found(id, parent, name);
    if (depth < 64) scanBelow(path, id, depth + 1, found);
  }
}

function readDirectory(directory: string): readonly string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return []; // removed meanwhile
  }
}

function inodeOf(path: string): bigint | undefined {
  try {
    return lstatSync(path, { bigint: true }).ino;
  } catch {
    return undefined;
  }
}
