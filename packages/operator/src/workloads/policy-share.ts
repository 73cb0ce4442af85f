// SPDX-License-Identifier: Apache-2.0
import { hash } from "node:crypto";
import type { PolicyRevision } from "./workload.ts";

/** A revision for a part of the nodes: those whose rank for the policy is in [from, to). */
export type PolicyShare = {
  readonly revision: PolicyRevision;
  readonly from: number;
  readonly to: number;
};

/**
 * A node's position, in [0, 1), in the order in which a policy's revisions reach nodes. Every replica
 * computes the same, from nothing else: so the first tenth remains the first tenth while other nodes are
 * added and removed. Each policy has its own order, so that no node is always first.
 */
export function nodeRank(policyUid: string, node: string): number {
  const digest = hash("sha256", `${policyUid}\0${node}`, "buffer");
  return digest.readUIntBE(0, 6) / 2 ** 48;
}

/** Whether the node is in the share, provided that its labels match the policy. */
export function takesNode({ revision, from, to }: PolicyShare, node: string): boolean {
  if (from <= 0 && to >= 1) return true;
  const rank = nodeRank(revision.uid, node);
  return rank >= from && rank < to;
}
