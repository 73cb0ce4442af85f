// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { valueSetKind } from "@gander/crd-schemas";
import type { KubeObject } from "@gander/kube";
import { resolveSets, type SetProblem, type ValueSet } from "@gander/policy";
import type { PolicyCatalog } from "../api/policy-catalog.ts";
import type { SetCatalog } from "../sets/set-catalog.ts";
import { readSetObject, valueSets } from "../sets/watch-value-sets.ts";
import type { JsonObject, Review, Verdict } from "./admission-review.ts";
import { refusalOf } from "./admission-texts.ts";

/** What is known of policies and sets. */
export type KnownObjects = {
  readonly catalog: Pick<PolicyCatalog, "all">;
  readonly sets: Pick<SetCatalog, "get" | "problem">;
};

export const isSetReview = ({ kind, group }: Review): boolean =>
  kind === valueSetKind && group === valueSets.group;

/** Decides whether a ValueSet may be stored: every policy that names it must be able to have its values. */
export function reviewSet(
  { operation, name, object }: Review,
  { catalog, sets }: KnownObjects,
): Verdict {
  const allowed: Verdict = { refusal: undefined, warnings: [] };
  if (object === undefined || (operation !== "CREATE" && operation !== "UPDATE")) return allowed;
  const metadata = { ...metadataOf(object), name };
  if ("deletionTimestamp" in metadata) return allowed;
  const { value, problems } = readSetObject({ ...object, metadata } as unknown as KubeObject);
  if (problems !== undefined) return { refusal: refusalOf(problems, valueSetKind), warnings: [] };
  const unsuitable = problemsOfUsers({ ...value, name }, { catalog, sets });
  if (unsuitable.length === 0) return allowed;
  return { refusal: refusalOf(unsuitable, valueSetKind), warnings: [] };
}

/** More are not shown. */
const shownProblems = 20;

function problemsOfUsers(set: ValueSet, { catalog, sets }: KnownObjects): readonly Problem[] {
  const found: Problem[] = [];
  for (const { kind, namespace, name, compiled } of catalog.all()) {
    const read = compiled.value;
    if (read?.sets.includes(set.name) !== true) continue;
    const find = (of: string) => (of === set.name ? set : sets.get(of));
    const resolved = resolveSets(read.policy, find);
    const problems = resolved.value === undefined ? resolved.problems : [];
    const user = `${kind} "${namespace === "" ? "" : `${namespace}/`}${name}"`;
    for (const problem of problems)
      if (problem.code !== "policy-unknown-set" && problem.set === set.name)
        found.push(asProblem(problem, user));
    if (found.length >= shownProblems) break;
  }
  return found.slice(0, shownProblems);
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

function metadataOf({ metadata }: JsonObject): JsonObject {
  return typeof metadata === "object" && metadata !== null ? (metadata as JsonObject) : {};
}
