// SPDX-License-Identifier: Apache-2.0
import { hash } from "node:crypto";
import type { CompiledPolicy, WorkloadSelector } from "@gander/policy";
import { type Belonging, workloadsText } from "../link/workloads.ts";

/**
 * What the cgroups of a group have, sorted: UIDs of the operator's policies, and an entry for each of the workloads
 * of selectors that they belong to, or may belong to.
 */
export type GroupContent = readonly string[];

export function belongsTo(content: ReadonlySet<string>, workloads: WorkloadSelector): Belonging {
  const key = keyOf(workloads);
  if (content.has(key)) return "within";
  return content.has(unsure(key)) ? "unsure" : "outside";
}

/** The entry for workloads; undefined: none, because the cgroups do not belong to them. */
export function entryOf(workloads: WorkloadSelector, belonging: Belonging): string | undefined {
  if (belonging === "outside") return undefined;
  return belonging === "within" ? keyOf(workloads) : unsure(keyOf(workloads));
}

/** All that contents can have of a policy beside its UID. */
export function entriesOf(policy: CompiledPolicy): readonly string[] {
  return workloadsOf(policy)
    .map(keyOf)
    .flatMap((key) => [key, unsure(key)]);
}

const unsure = (key: string) => `${key}?`;

const keys = new WeakMap<WorkloadSelector, string>();

/** Short, because a manifest has it for each group. */
function keyOf(workloads: WorkloadSelector): string {
  const known = keys.get(workloads);
  if (known !== undefined) return known;
  const key = hash("sha256", workloadsText(workloads), "base64url");
  keys.set(workloads, key);
  return key;
}

const known = new WeakMap<CompiledPolicy, readonly WorkloadSelector[]>();

/** The workloads of a policy's selectors, each once. */
export function workloadsOf(policy: CompiledPolicy): readonly WorkloadSelector[] {
  const found = known.get(policy);
  if (found !== undefined) return found;
  const filters = policy.hooks.flatMap(({ selectors }) => selectors.flatMap((one) => one.filters));
  const all = filters.flatMap((filter) => (filter.on === "workloads" ? [filter.workloads] : []));
  const distinct = [...new Map(all.map((one) => [workloadsText(one), one])).values()];
  known.set(policy, distinct);
  return distinct;
}
