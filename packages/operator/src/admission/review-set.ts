// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from "node:timers/promises";
import type { Problem } from "@gander/base";
import { valueSetKind } from "@gander/crd-schemas";
import type { KubeObject } from "@gander/kube";
import { resolveSets, type SetProblem, type ValueSet } from "@gander/policy";
import type { PolicyCatalog, PolicyObject } from "../api/policy-catalog.ts";
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

/**
 * Decides whether a ValueSet may be stored: every policy that names it must be able to have its values. When `signal`
 * aborts, the others are not looked at, and a warning says so.
 */
export async function reviewSet(
  review: Review,
  { catalog, sets }: KnownObjects,
  options: { readonly signal: AbortSignal },
): Promise<Verdict> {
  const { name, object } = review;
  const allowed: Verdict = { refusal: undefined, warnings: [] };
  if (object === undefined || !changesSpec(review, object)) return allowed;
  const metadata = { ...metadataOf(object), name };
  if ("deletionTimestamp" in metadata) return allowed;
  const { value, problems } = readSetObject({ ...object, metadata } as unknown as KubeObject);
  if (problems !== undefined) return { refusal: refusalOf(problems, valueSetKind), warnings: [] };
  // A policy of a namespace is refused on its nodes; who may write one must not decide about sets of the cluster.
  const found = await problemsOfUsers({ ...value, name }, { catalog, sets }, options);
  const { ofCluster, ofNamespaces, unchecked } = found;
  const warnings: readonly Problem[] = [
    ...(unchecked === 0 ? [] : [lateWarning(unchecked)]),
    ...ofNamespaces.map((problem) => ({ ...problem, severity: "warning" as const })),
  ];
  return {
    refusal: ofCluster.length === 0 ? undefined : refusalOf(ofCluster, valueSetKind),
    warnings: warningsOf(warnings, undefined),
  };
}

const lateWarning = (unchecked: number): Problem => ({
  ...{ file: "", path: "spec.values", line: 0, column: 0, severity: "warning" },
  code: "policy-bad-set",
  message: `There was no time to check ${unchecked} of the policies that name the set`,
  hint: "One that cannot have these values keeps those it has, and its status says so.",
});

/** More are not shown, nor looked for. */
const shownProblems = 20;

async function problemsOfUsers(
  set: ValueSet,
  { catalog, sets }: KnownObjects,
  { signal }: { readonly signal: AbortSignal },
) {
  const ofCluster: Problem[] = [];
  const ofNamespaces: Problem[] = [];
  const find = (of: string) => (of === set.name ? set : sets.get(of));
  const names = ({ compiled }: PolicyObject) => compiled.value?.sets.includes(set.name) === true;
  // Those of the cluster first: they decide.
  const users = [...catalog.all()]
    .filter(names)
    .sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
  let unchecked = 0;
  for (const { kind, namespace, name, compiled } of users) {
    const found = namespace === "" ? ofCluster : ofNamespaces;
    if (found.length >= shownProblems || compiled.value === undefined) continue;
    // A large set in many policies takes longer than the API server waits, and others wait as well.
    await turn();
    if (signal.aborted) {
      unchecked += 1;
      continue;
    }
    const resolved = resolveSets(compiled.value.policy, find);
    const problems = resolved.value === undefined ? resolved.problems : [];
    const user = `${kind} "${namespace === "" ? "" : `${namespace}/`}${name}"`;
    for (const problem of problems)
      if (problem.code !== "policy-unknown-set" && problem.set === set.name)
        found.push(asProblem(problem, user));
  }
  return {
    ofCluster: ofCluster.slice(0, shownProblems),
    ofNamespaces: ofNamespaces.slice(0, shownProblems),
    unchecked,
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
