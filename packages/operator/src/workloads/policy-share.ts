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
 * Where a node stands in the order in which a policy's revisions reach nodes, in [0, 1). Every replica
 * gives the same, and it depends on nothing else: so the first tenth of the nodes stays the first tenth
 * while others come and go. Each policy has an order of its own, that no node is always the first.
 */
export function nodeRank(policyUid: string, node: string): number {
  const digest = hash("sha256", `${policyUid}\0${node}`, "buffer");
  return digest.readUIntBE(0, 6) / 2 ** 48;
}

/** Whether the node is in the share, if its labels are those the policy asks for. */
export function takesNode({ revision, from, to }: PolicyShare, node: string): boolean {
  if (from <= 0 && to >= 1) return true;
  const rank = nodeRank(revision.uid, node);
  return rank >= from && rank < to;
}
