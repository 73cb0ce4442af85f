// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { Problem } from "@gander/base";
import { fuseMetadata, isClusterSet, resolveSets, type SetProblem } from "@gander/policy";
import { policyKinds } from "../api/cluster-resources.ts";
import type { PolicyObject, ReadPolicy } from "../api/policy-catalog.ts";
import { type RawPolicy, readPolicyObject } from "../api/read-policy-object.ts";
import type { SetCatalog } from "../sets/set-catalog.ts";
import type { JsonObject, Review, Verdict } from "./admission-review.ts";
import { refusalOf, warningsOf } from "./admission-texts.ts";
import type { CheckFleet } from "./fleet-report.ts";

const allowed: Verdict = { refusal: undefined, warnings: [] };

/**
 * Decides whether the API server may store the object: policy errors refuse it; features that the fleet's
 * kernels lack cause warnings. Other objects, and changes that leave the policy as it is, pass: an object
 * that a newer version would refuse must still get its status, lose its finalizers and be deleted.
 */
export async function reviewPolicy(
  review: Review,
  { checkFleet, sets }: { readonly checkFleet: CheckFleet; readonly sets: FindSets },
  options: { readonly signal: AbortSignal },
): Promise<Verdict> {
  const { object } = review;
  const kind = policyKinds.find((one) => one.kind === review.kind && one.group === review.group);
  if (kind === undefined || object === undefined || !changesSpec(review, object)) return allowed;
  const { compiled: read, fuseProblems } = readObject(kind.kind, review, object);
  const wrong = [
    ...(read.problems ?? []),
    ...fuseProblems.filter(({ severity }) => read.problems !== undefined || severity === "error"),
  ];
  if (read.value === undefined || wrong.length > 0)
    return { refusal: refusalOf(wrong), warnings: warningsOf(wrong, undefined) };
  const warnings = [...read.value.warnings, ...fuseProblems];
  const { policy, missing, problems } = withSets(read.value, sets);
  if (problems.length > 0)
    return { refusal: refusalOf(problems), warnings: warningsOf(problems, undefined) };
  // Sets may be created after the policies that name them. Without their values, it is too early for kernels.
  if (policy === undefined)
    return { refusal: undefined, warnings: warningsOf([...warnings, ...missing], undefined) };
  // A failed check never blocks a valid policy.
  const report = await checkFleet(policy, options).catch(() => "failed" as const);
  return { refusal: undefined, warnings: warningsOf(warnings, report) };
}

type FindSets = Pick<SetCatalog, "get" | "trouble">;

function withSets({ policy }: ReadPolicy, sets: FindSets) {
  const resolved = resolveSets(policy, (name) => sets.get(name));
  if (resolved.value !== undefined) return { policy: resolved.value, missing: [], problems: [] };
  const isMissing = ({ code }: SetProblem) => code === "policy-unknown-set";
  // What the cluster has is read when the first policy names it.
  const isToBeRead = ({ set }: SetProblem) =>
    isClusterSet(set) && sets.trouble(set)?.state === "unread";
  const missing = resolved.problems
    .filter((problem) => isMissing(problem) && !isToBeRead(problem))
    .map((problem) => problemOf({ ...problem, ...notYet(problem.set, sets), severity: "warning" }));
  const problems = resolved.problems.filter((one) => !isMissing(one)).map(problemOf);
  return { policy: undefined, missing, problems };
}

function notYet(set: string, sets: FindSets) {
  const { state, message = "" } = sets.trouble(set) ?? {};
  const when = state === "missing" ? "until there is" : "until it can be used";
  return {
    message: `${message}: ${when}, no node puts the policy in force`,
    hint: state === "missing" && !isClusterSet(set) ? "Create the ValueSet of that name." : "",
  };
}

function problemOf({ set, path, position, code, message, hint, severity }: SetProblem): Problem {
  const value = position === undefined ? "" : `Value ${position + 1} of the set "${set}": `;
  const place = { file: "", path: `${path}.values`, line: 0, column: 0 };
  return { ...place, code, message: `${value}${message}`, hint, severity };
}

export function changesSpec({ operation, subresource, oldObject }: Review, object: JsonObject) {
  if (subresource !== "" || (operation !== "CREATE" && operation !== "UPDATE")) return false;
  if (operation === "CREATE") return true;
  if (metadataOf(object).deletionTimestamp !== undefined) return false;
  try {
    return (
      !isDeepStrictEqual(object.spec, oldObject?.spec) ||
      !isDeepStrictEqual(fuseTexts(object), fuseTexts(oldObject ?? {}))
    );
  } catch (error) {
    // Nested too deeply to compare: reading it reports the error.
    if (error instanceof RangeError) return true;
    throw error;
  }
}

const fuseTexts = (object: JsonObject) => fuseMetadata(metadataOf(object));

function readObject(
  kind: PolicyObject["kind"],
  { name, namespace }: Review,
  object: JsonObject,
): Pick<PolicyObject, "compiled" | "fuseProblems"> {
  // The request has name and namespace, which the object may lack.
  const metadata = { uid: "", resourceVersion: "", name, namespace, ...metadataOf(object) };
  return readPolicyObject(kind, { ...object, metadata } as RawPolicy);
}

export function metadataOf({ metadata }: JsonObject): JsonObject {
  return typeof metadata === "object" && metadata !== null ? (metadata as JsonObject) : {};
}
