// SPDX-License-Identifier: Apache-2.0
import type { LabelSelector, WorkloadSelector } from "@gander/policy";

export type Labels = Readonly<Record<string, string>>;

/** The stored part of a pod that is assigned to a node and hasn't ended. */
export type Pod = {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly labels: Labels;
  /** Names of all its containers: init, ordinary, ephemeral. */
  readonly containers: readonly string[];
  readonly details: PodDetails;
};

/** The part of a pod that only events show. Immutable, shared by equal pods. */
export type PodDetails = {
  /** Equal details have equal digests. */
  readonly digest: string;
  /** gander.v1.PodDetails as JSON: takes less than half the memory of its objects. Empty: none. */
  readonly text: string;
};

export const noDetails: PodDetails = { digest: "", text: "" };

/** One version of a policy. Immutable; the digest covers the selectors, so they are equal if it is equal. */
export type PolicyRevision = {
  readonly uid: string;
  readonly generation: number;
  readonly name: string;
  /** Empty: for the whole cluster. */
  readonly namespace: string;
  /** Of the encoded policy, as text; of one that names sets: of it and of their contents together. */
  readonly digest: string;
  /** Absent: it names no sets. */
  readonly withSets?: {
    /** Digest of the encoded policy. */
    readonly content: string;
    /** Ascending by name. */
    readonly sets: readonly SetVersion[];
  };
  /** "", or the mode that replaces its own. */
  readonly mode: "" | "enforce" | "monitor";
  /** The text of its fuse, or `off`; absent: as the sensors are configured. */
  readonly fuse?: string;
  /** The last re-arming of its fuse. */
  readonly fuseRearmed?: string;
  readonly workloads?: WorkloadSelector;
  readonly nodeSelector?: LabelSelector;
};

/** A set as it is now. */
export type SetVersion = {
  readonly name: string;
  /** Of its encoded values; empty: there is no such set. */
  readonly digest: string;
};

/** Digests of all that a node needs for the revision. */
export function contentsOf({ digest, withSets }: PolicyRevision): readonly string[] {
  if (withSets === undefined) return [digest];
  const sets = withSets.sets.map((set) => set.digest);
  return [withSets.content, ...sets.filter((one) => one !== "")];
}

/** What says which nodes and pods a policy applies to. */
export type PolicyTargets = Pick<PolicyRevision, "namespace" | "workloads" | "nodeSelector">;

export function sameRevision(a: PolicyRevision, b: PolicyRevision): boolean {
  return (
    a.uid === b.uid &&
    a.generation === b.generation &&
    a.name === b.name &&
    a.namespace === b.namespace &&
    a.digest === b.digest &&
    a.mode === b.mode &&
    a.fuse === b.fuse &&
    a.fuseRearmed === b.fuseRearmed
  );
}

/** Equal labels have equal text, whatever their order. */
export function labelsKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
