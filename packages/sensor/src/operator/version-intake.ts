// SPDX-License-Identifier: Apache-2.0
import { digestOf, digestText } from "@gander/policy/content";
import type {
  Assignment,
  Commit,
  ExecProbe,
  Offer,
  PodAssignment,
  PodLabel,
  Policy,
  PolicySet,
  ToSensor,
  ContainerDetails as WireContainer,
  PodDetails as WireDetails,
  PolicyHead as WireHead,
  SetHead as WireSetHead,
} from "@gander/proto/stream";
import { streamLimits } from "@gander/proto/stream";
import type { NodePod } from "../policy/node/node-policies.ts";
import type { ContainerDetails, PodDetails } from "../workload/pod-details.ts";
import { type NodeState, noState, type PolicyHead, type SetHead } from "./node-state.ts";

/** A complete version. */
type NewVersion = {
  readonly state: NodeState;
  /** Contents received with it, by their digests. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** Digests whose received content doesn't match them. */
  readonly damaged: ReadonlySet<string>;
};

export type Refused = { readonly refusal: string };

type VersionLimits = {
  /** All messages of one version together. */
  readonly bytes: number;
  readonly pods: number;
};

/** More than any node has; keeps a faulty operator from using up all memory. */
const defaultLimits: VersionLimits = { bytes: 64 * 1024 * 1024, pods: 16_384 };

/**
 * Collects one version, from its Offer to its Commit. Nothing of it counts before the Commit, and an
 * inconsistent version is refused as a whole, with the first reason.
 */
export class VersionIntake {
  readonly #limits: VersionLimits;
  #bytes = 0;
  #refusal: string | undefined;
  #base: number | undefined;
  #epoch = 0;
  #heads: WireHead[] = [];
  #removed: string[] = [];
  #assignments: Assignment[] = [];
  readonly #contents = new Map<string, Uint8Array>();
  readonly #damaged = new Set<string>();

  constructor(limits: VersionLimits = defaultLimits) {
    this.#limits = limits;
  }

  /** Whether a version has begun and its Commit has not arrived. */
  get isBegun(): boolean {
    return this.#bytes > 0;
  }

  /** `sizeBytes` is the size of the encoded message. A Commit in it is passed to `finish`. */
  add({ offer, policies = [], assignment }: ToSensor, sizeBytes: number): void {
    if (offer === undefined && policies.length === 0 && assignment === undefined) return;
    this.#bytes += sizeBytes;
    if (this.#bytes > this.#limits.bytes)
      this.#refuse(`the version is larger than ${this.#limits.bytes} bytes`);
    if (this.#refusal !== undefined) return;
    if (offer !== undefined) this.#addOffer(offer);
    for (const policy of policies) this.#addContent(policy);
    if (assignment !== undefined) this.#assignments.push(assignment);
  }

  /** Applies the version to `current`, which must be the state it is based on. */
  finish(commit: Commit, current: NodeState): NewVersion | Refused {
    try {
      return this.#finish(commit, current);
    } catch (error) {
      if (error instanceof Misfit) return { refusal: error.message };
      throw error;
    }
  }

  #finish(commit: Commit, current: NodeState): NewVersion {
    if (this.#refusal !== undefined) throw new Misfit(this.#refusal);
    const epoch = exactNumber(commit.epoch, "its epoch");
    if (epoch <= current.epoch)
      throw new Misfit(`its epoch ${epoch} is not above ${current.epoch}, which is in force`);
    if (commit.state_digest?.length !== 32) throw new Misfit("its state has no digest");
    const digest = hexOf(commit.state_digest);
    const policies = this.#base === undefined ? undefined : this.#policies(epoch, current);
    if (policies === undefined) {
      if (this.isBegun) throw new Misfit("it has no Offer");
      if (digest !== current.digest)
        throw new Misfit("it takes for granted a state that isn't here");
      return { state: { ...current, epoch }, contents: new Map(), damaged: new Set() };
    }
    const pods = this.#pods(policies, current);
    const state = { epoch, digest, policies, pods, nodeLabels: this.#nodeLabels(current) };
    return { state, contents: this.#contents, damaged: this.#damaged };
  }

  #policies(epoch: number, current: NodeState): Map<string, PolicyHead> {
    if (epoch !== this.#epoch)
      throw new Misfit(`it was offered as ${this.#epoch} and committed as ${epoch}`);
    if (this.#base !== 0 && this.#base !== current.epoch)
      throw new Misfit(`it is a difference to ${this.#base}, here is ${current.epoch}`);
    const policies = new Map((this.#base === 0 ? noState : current).policies);
    for (const uid of this.#removed) policies.delete(uid);
    for (const head of this.#heads.map(headOf)) policies.set(head.uid, head);
    if (policies.size > streamLimits.policies)
      throw new Misfit(`it has more than ${streamLimits.policies} policies`);
    return policies;
  }

  #pods(policies: ReadonlyMap<string, PolicyHead>, current: NodeState): Map<string, NodePod> {
    const pods = new Map((this.#base === 0 ? noState : current).pods);
    for (const { remove = [] } of this.#assignments) for (const uid of remove) pods.delete(uid);
    for (const { put = [], sets = [], details = [] } of this.#assignments) {
      const told = details.map(detailsOf);
      for (const one of put) {
        const pod = podOf(one, sets, told);
        pods.set(pod.uid, pod);
      }
    }
    if (pods.size > this.#limits.pods)
      throw new Misfit(`it has more than ${this.#limits.pods} pods`);
    for (const pod of pods.values())
      for (const uid of pod.policies)
        if (!policies.has(uid))
          throw new Misfit(`its pod ${pod.uid} has the policy ${uid}, which it hasn't`);
    return pods;
  }

  #nodeLabels(current: NodeState): NodeState["nodeLabels"] {
    const told = this.#assignments.findLast(({ node_labels }) => node_labels !== undefined);
    if (told?.node_labels !== undefined) return labelsOf(told.node_labels.labels ?? []);
    return this.#base === 0 ? {} : current.nodeLabels;
  }

  #addOffer({ epoch, base_epoch, put = [], remove = [] }: Offer): void {
    try {
      const [of, to] = [exactNumber(epoch, "its epoch"), exactNumber(base_epoch, "its base")];
      if (this.#base !== undefined && (of !== this.#epoch || to !== this.#base))
        throw new Misfit("it is offered under two epochs");
      this.#epoch = of;
      this.#base = to;
    } catch (error) {
      this.#refuse(error instanceof Error ? error.message : String(error));
    }
    for (const head of put) this.#heads.push(head);
    for (const uid of remove) this.#removed.push(uid);
  }

  #addContent({ digest = new Uint8Array(), content = new Uint8Array() }: Policy): void {
    const key = digestText(digest);
    const isSound = content.length <= streamLimits.policyBytes && digestOf(content) === key;
    // A copy: the received bytes are a slice of the whole message.
    if (isSound) this.#contents.set(key, Uint8Array.from(content));
    else if (digest.length === 32) this.#damaged.add(key);
  }

  #refuse(reason: string): void {
    this.#refusal ??= reason;
    this.#heads = [];
    this.#removed = [];
    this.#assignments = [];
    this.#contents.clear();
  }
}

class Misfit extends Error {}

function headOf(wire: WireHead): PolicyHead {
  const { uid = "", generation, name = "", namespace = "", digest, mode = "", sets = [] } = wire;
  const { fuse = "", fuse_rearmed: fuseRearmed = "" } = wire;
  if (uid === "") throw new Misfit("a policy has no UID");
  if (digest?.length !== 32) throw new Misfit(`policy ${uid} has no digest`);
  return {
    uid,
    generation: exactNumber(generation, `the generation of ${uid}`),
    name,
    namespace,
    digest: digestText(digest),
    mode,
    ...(sets.length > 0 && { sets: sets.map((set) => setHeadOf(set, uid)) }),
    ...(fuse !== "" && { fuse }),
    ...(fuseRearmed !== "" && { fuseRearmed }),
  };
}

function setHeadOf({ name = "", digest = new Uint8Array() }: WireSetHead, uid: string): SetHead {
  if (digest.length !== 0 && digest.length !== 32)
    throw new Misfit(`a set of policy ${uid} has no digest`);
  return { name, digest: digest.length === 0 ? "" : digestText(digest) };
}

function podOf(
  wire: PodAssignment,
  sets: readonly PolicySet[],
  told: readonly PodDetails[],
): NodePod {
  const { uid = "", namespace = "", name = "", labels = [], set: at = 0 } = wire;
  const set = sets[at];
  // None is no reason to refuse policies.
  const details = told[(wire.details ?? 0) - 1];
  if (uid === "") throw new Misfit("a pod has no UID");
  if (set === undefined) throw new Misfit(`pod ${uid} has a set that isn't in its message`);
  return {
    uid,
    namespace,
    name,
    labels: labelsOf(labels),
    policies: set.policies ?? [],
    ...(details && { details }),
  };
}

function labelsOf(labels: readonly PodLabel[]): Readonly<Record<string, string>> {
  return Object.fromEntries(labels.map(({ key = "", value = "" }) => [key, value]));
}

function detailsOf({
  workload = "",
  workload_kind = "",
  containers = [],
  annotations = [],
}: WireDetails): PodDetails {
  return {
    workload,
    workloadKind: workload_kind,
    ...(annotations.length > 0 && { annotations: labelsOf(annotations) }),
    ...(containers.length > 0 && { containers: containers.map(containerOf) }),
  };
}

function containerOf({
  name = "",
  exec_probes = [],
  image_id: imageId = "",
  hooks = [],
}: WireContainer): ContainerDetails {
  const commands = (all: readonly ExecProbe[]) => all.map(({ command = [] }) => command);
  return {
    ...{ name, execProbes: commands(exec_probes), imageId },
    ...(hooks.length > 0 && { hooks: commands(hooks) }),
  };
}

/** From a decoded 64-bit number: the operator sends no number that isn't exact here. */
function exactNumber(text: string | undefined, what: string): number {
  const number = Number(text ?? 0);
  if (!Number.isSafeInteger(number)) throw new Misfit(`${what} is out of bounds`);
  return number;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
