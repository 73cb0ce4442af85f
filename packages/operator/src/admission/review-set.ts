// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { valueSetKind } from "@gander/crd-schemas";
import type { KubeObject } from "@gander/kube";
import { resolveSets, type SetProblem, type ValueSet } from "@gander/policy";
import type { PolicyCatalog } from "../api/policy-catalog.ts";
import type { SetCatalog } from "../sets/set-catalog.ts";
import { readSetObject, valueSets } from "../sets/watch-value-sets.ts";
import type { Review, Verdict } from "./admission-review.ts";
import { refusalOf, warningsOf } from "./admission-texts.ts";
import { changesSpec, metadataOf } from "./review-policy.ts";

/** What is known of policies and sets. */
export type KnownObjects = {
  readonly catalog: Pick<PolicyCatalog, "all">;
  readonly sets: Pick<SetCatalog, "get" | "trouble">;
};

export const isSetReview = ({ kind, group }: Review): boolean =>
  kind === valueSetKind && group === valueSets.group;

/** Decides whether a ValueSet may be stored: every policy that names it must be able to have its values. */
export function reviewSet(review: Review, { catalog, sets }: KnownObjects): Verdict {
  const { name, object } = review;
  const allowed: Verdict = { refusal: undefined, warnings: [] };
  if (object === undefined || !changesSpec(review, object)) return allowed;
  const metadata = { ...metadataOf(object), name };
  if ("deletionTimestamp" in metadata) return allowed;
  const { value, problems } = readSetObject({ ...object, metadata } as unknown as KubeObject);
  if (problems !== undefined) return { refusal: refusalOf(problems, valueSetKind), warnings: [] };
  // A policy of a namespace is refused on its nodes; who may write one must not decide about sets of the cluster.
  const { ofCluster, ofNamespaces } = problemsOfUsers({ ...value, name }, { catalog, sets });
  return {
    refusal: ofCluster.length === 0 ? undefined : refusalOf(ofCluster, valueSetKind),
    warnings: warningsOf(
      ofNamespaces.map((problem) => ({ ...problem, severity: "warning" })),
      undefined,
    ),
  };
}

/** More are not shown, nor looked for. */
const shownProblems = 20;

function problemsOfUsers(set: ValueSet, { catalog, sets }: KnownObjects) {
  const ofCluster: Problem[] = [];
  const ofNamespaces: Problem[] = [];
  for (const { kind, namespace, name, compiled } of catalog.all()) {
    const found = namespace === "" ? ofCluster : ofNamespaces;
    const read = compiled.value;
    if (found.length >= shownProblems || read?.sets.includes(set.name) !== true) continue;
    const find = (of: string) => (of === set.name ? set : sets.get(of));
    const resolved = resolveSets(read.policy, find);
    const problems = resolved.value === undefined ? resolved.problems : [];
    const user = `${kind} "${namespace === "" ? "" : `${namespace}/`}${name}"`;
    for (const problem of problems)
      if (problem.code !== "policy-unknown-set" && problem.set === set.name)
        found.push(asProblem(problem, user));
  }
  return {
    ofCluster: ofCluster.slice(0, shownProblems),
    ofNamespaces: ofNamespaces.slice(0, shownProblems),
  };
}

function asProblem(
  { path, position, code, message, hint, severity }: SetProblem,
  user: string,
): Problem {
  return {
    ...{ file: "", line: 0, column: 0, code, hint, severity },
    path: position === undefined ? "spec.values" : `spec.values[${position}]`,
    message: `The ${user} cannot have it at ${path}: ${message}`,
  };
}
