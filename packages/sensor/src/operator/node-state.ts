// SPDX-License-Identifier: Apache-2.0
import type { NodePod } from "../policy/node/node-policies.ts";

/** A policy as the operator announced it; what it says is found by the digest. */
export type PolicyHead = {
  readonly uid: string;
  readonly generation: number;
  readonly name: string;
  /** Empty: for the whole cluster. */
  readonly namespace: string;
  /** Of its content, as text. */
  readonly digest: string;
  /** A word of a newer operator may be one that this sensor doesn't know. */
  readonly mode: string;
};

/** What the operator wants in force on this node, as of one of its versions. Immutable. */
export type NodeState = {
  /** Of its Commit; 0: there never was one. */
  readonly epoch: number;
  /** Hex. The operator's name for this state, kept to be given back. */
  readonly digest: string;
  /** By UID. */
  readonly policies: ReadonlyMap<string, PolicyHead>;
  /** By UID. */
  readonly pods: ReadonlyMap<string, NodePod>;
};

export const noState: NodeState = { epoch: 0, digest: "", policies: new Map(), pods: new Map() };
