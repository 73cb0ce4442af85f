// SPDX-License-Identifier: Apache-2.0
import type { NodePod } from "../policy/node/node-policies.ts";

/** A set that a policy names, as the operator announced it. */
export type SetHead = {
  readonly name: string;
  /** Digest of its content, as text; empty: there is no such set. */
  readonly digest: string;
};

/** A policy as the operator announced it; its digest identifies its content. */
export type PolicyHead = {
  readonly uid: string;
  readonly generation: number;
  readonly name: string;
  /** Empty: cluster-scoped. */
  readonly namespace: string;
  /** Digest of its content, as text. */
  readonly digest: string;
  /** A newer operator may send a mode that this sensor doesn't know. */
  readonly mode: string;
  /** Absent: it names none. */
  readonly sets?: readonly SetHead[];
  /** Absent: as the sensor is configured. */
  readonly fuse?: string;
  /** Absent: nobody has armed it again. */
  readonly fuseRearmed?: string;
};

/** The policies and pods that the operator wants on this node, as of one of its versions. Immutable. */
export type NodeState = {
  /** Of its Commit; 0: there was none. */
  readonly epoch: number;
  /** Hex. The operator's name for this state, kept to be sent back. */
  readonly digest: string;
  /** By UID. */
  readonly policies: ReadonlyMap<string, PolicyHead>;
  /** By UID. */
  readonly pods: ReadonlyMap<string, NodePod>;
  /** Of the node. */
  readonly nodeLabels: Readonly<Record<string, string>>;
};

export const noState: NodeState = {
  ...{ epoch: 0, digest: "" },
  ...{ policies: new Map(), pods: new Map(), nodeLabels: {} },
};
