// SPDX-License-Identifier: Apache-2.0
import { policyCountFields } from "@gander/proto/stream";
import { countsAs } from "../counts/counters.ts";
import type { PolicyCounters } from "../policy-state.ts";
import type { NodePolicyCounts } from "./node-version.ts";

const none = Object.fromEntries(policyCountFields.map((field) => [field, 0n])) as Omit<
  NodePolicyCounts,
  "uid" | "exceptions"
>;

/** Exactly hits = emitted + filtered + suppressed + lost + unevaluated; no count ever falls. */
export function nodeCounts(
  uid: string,
  counters: PolicyCounters,
  before: NodePolicyCounts | undefined,
): NodePolicyCounts {
  const counts = { ...none, ...Object.fromEntries(countsAs(counters, ({ node }) => node)) };
  // A call in progress counts as filtered until it matches.
  const filtered = max(counts.filtered, before?.filtered ?? 0n);
  const { emitted, suppressed, lost, unevaluated } = counts;
  const hits = emitted + suppressed + lost + unevaluated + filtered;
  return { uid, ...counts, filtered, hits, enforced: counters.enforced };
}

const max = (a: bigint, b: bigint) => (a > b ? a : b);
