// SPDX-License-Identifier: Apache-2.0
import type { CheckedPolicy } from "../checked-policy.ts";
import type { CheckedSet } from "./check-value-set.ts";
import { isClusterSet } from "./set-reference.ts";

/** In the place of the addresses that only the cluster knows: of no machine (RFC 5737). */
const nobody = "192.0.2.1";

/**
 * The sets that these policies name and an operator fills, with an address of no machine: to check a policy where
 * there is no cluster, never to put it in force.
 */
export function clusterStandIns(policies: readonly CheckedPolicy[]): readonly CheckedSet[] {
  const names = policies.flatMap(({ setUses = [] }) => setUses.map(({ set }) => set));
  return [...new Set(names)]
    .filter(isClusterSet)
    .map((name) => ({ name, values: [nobody], file: "", places: [] }));
}
