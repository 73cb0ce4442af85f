// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import { policyKinds } from "../api/cluster-resources.ts";
import type { PolicyObject } from "../api/policy-catalog.ts";
import { type RawPolicy, readPolicyObject } from "../api/read-policy-object.ts";
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
  checkFleet: CheckFleet,
  options: { readonly signal: AbortSignal },
): Promise<Verdict> {
  const { object } = review;
  const kind = policyKinds.find((one) => one.kind === review.kind && one.group === review.group);
  if (kind === undefined || object === undefined || !changesSpec(review, object)) return allowed;
  const read = readObject(kind.kind, review, object);
  if (read.problems !== undefined)
    return { refusal: refusalOf(read.problems), warnings: warningsOf(read.problems, undefined) };
  const { policy, warnings } = read.value;
  // A failed check never blocks a valid policy.
  const report = await checkFleet(policy, options).catch(() => "failed" as const);
  return { refusal: undefined, warnings: warningsOf(warnings, report) };
}

function changesSpec({ operation, subresource, oldObject }: Review, object: JsonObject) {
  if (subresource !== "" || (operation !== "CREATE" && operation !== "UPDATE")) return false;
  if (operation === "CREATE") return true;
  if (metadataOf(object).deletionTimestamp !== undefined) return false;
  try {
    return !isDeepStrictEqual(object.spec, oldObject?.spec);
  } catch (error) {
    // Nested too deeply to compare: reading it reports the error.
    if (error instanceof RangeError) return true;
    throw error;
  }
}

function readObject(
  kind: PolicyObject["kind"],
  { name, namespace }: Review,
  object: JsonObject,
): ReturnType<typeof readPolicyObject>["compiled"] {
  // The request has name and namespace, which the object may lack.
  const metadata = { uid: "", resourceVersion: "", name, namespace, ...metadataOf(object) };
  return readPolicyObject(kind, { ...object, metadata } as RawPolicy).compiled;
}

function metadataOf({ metadata }: JsonObject): JsonObject {
  return typeof metadata === "object" && metadata !== null ? (metadata as JsonObject) : {};
}
