// SPDX-License-Identifier: Apache-2.0
import { hash } from "node:crypto";
import type { Bundle, KeptPod, PodPolicies } from "../workloads/resolver.ts";
import { labelsKey, type PolicyRevision } from "../workloads/workload.ts";

/**
 * Identifies a node's whole state in 32 bytes: every replica computes the same for the same bundle, in
 * whatever order it learned the parts. A sensor stores it with the state and returns it. `pods` is the
 * digest of the pods, if already known: most changes do not affect it.
 */
export function stateDigest(bundle: Bundle, pods: string = podsDigest(bundle)): Buffer {
  const policies = bundle.policies.map((revision) => shortOf(revision, revisionText));
  const node = shortOf(bundle.nodeLabels, labelsKey);
  return hash("sha256", `gander state 2\n${node}\n${policies.join("\n")}\n\n${pods}`, "buffer");
}

export function podsDigest({ pods }: Bundle): string {
  const lines: string[] = [];
  for (const [{ uid, name, group, details }, set] of pods) {
    const shared = `${shortOf(group, groupText)}\0${details.digest}\0${shortOf(set, setText)}`;
    lines.push(`${uid}\0${name}\0${shared}`);
  }
  return hash("sha256", lines.sort().join("\n"), "base64url");
}

/** Digests of immutable objects that many nodes share. Without them 5,000 nodes take 1.2 s. */
const shorts = new WeakMap<object, string>();

function shortOf<T extends object>(part: T, textOf: (part: T) => string): string {
  let short = shorts.get(part);
  if (short === undefined) {
    short = hash("sha256", textOf(part), "base64url");
    shorts.set(part, short);
  }
  return short;
}

const groupText = ({ namespace, labelsKey }: KeptPod["group"]) => `${namespace}\0${labelsKey}`;
const setText = ({ key }: PodPolicies) => key;
const revisionText = (one: PolicyRevision) =>
  JSON.stringify([
    ...[one.uid, one.generation, one.name, one.namespace, one.digest, one.mode],
    // Replicas of the version before know no fuses: without one, their digest is the same.
    ...(one.fuse === undefined && one.fuseRearmed === undefined
      ? []
      : [one.fuse ?? "", one.fuseRearmed ?? ""]),
  ]);
