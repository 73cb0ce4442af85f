// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from "node:timers/promises";
import type { Problem } from "@gander/base";
import type { KubeObject } from "@gander/kube";
import { type CompiledException, type ExceptionUse, useText } from "@gander/policy";
import type { PolicyCatalog, PolicyObject } from "../api/policy-catalog.ts";
import { ExceptedPolicies } from "../exceptions/excepted-policies.ts";
import { createExceptionCatalog } from "../exceptions/exception-catalog.ts";
import { exceptionResources, readExceptionObject } from "../exceptions/watch-exceptions.ts";
import type { Review, Verdict } from "./admission-review.ts";
import { refusalOf, warningsOf } from "./admission-texts.ts";
import { changesSpec, metadataOf } from "./review-policy.ts";

const kindOf = ({ kind, group }: Review) =>
  exceptionResources.find((one) => one.kind === kind && one.group === group)?.kind;

export const isExceptionReview = (review: Review): boolean => kindOf(review) !== undefined;

/**
 * Decides whether an exception may be stored. What it does to each policy that it names is told in warnings: GitOps
 * applies objects in any order, so its policies may come later.
 */
export async function reviewException(
  review: Review,
  catalog: Pick<PolicyCatalog, "all">,
  { signal, now = new Date() }: { readonly signal: AbortSignal; readonly now?: Date },
): Promise<Verdict> {
  const { object, name, namespace } = review;
  const kind = kindOf(review);
  const allowed: Verdict = { refusal: undefined, warnings: [] };
  if (kind === undefined || object === undefined || !changesSpec(review, object)) return allowed;
  const place = namespace === "" ? {} : { namespace };
  const metadata = { ...place, ...metadataOf(object), name };
  if ("deletionTimestamp" in metadata) return allowed;
  const read = readExceptionObject(kind, { ...object, metadata } as unknown as KubeObject);
  if (read.problems !== undefined)
    return {
      refusal: refusalOf(read.problems, kind),
      warnings: warningsOf(read.problems, undefined),
    };
  const { exception, warnings } = read.value;
  const found = await effectOn(catalog, exception, { signal });
  const all = [...warnings, ...timeWarning(exception, now), ...found];
  return { refusal: undefined, warnings: warningsOf(all, undefined) };
}

/** Told of more policies, nobody reads on. */
const shownPolicies = 10;

async function effectOn(
  catalog: Pick<PolicyCatalog, "all">,
  exception: CompiledException,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly Problem[]> {
  const alone = createExceptionCatalog();
  alone.put("", exception);
  const excepted = new ExceptedPolicies(alone);
  const problems: Problem[] = [];
  let named = 0;
  for (const policy of catalog.all()) {
    if (signal.aborted || problems.length >= shownPolicies) break;
    const { applied, notAllowed } = alone.of(policy);
    if (applied.length + notAllowed.length === 0) continue;
    named += 1;
    const { value } = policy.compiled;
    if (value === undefined) continue;
    // A policy may have hundreds of hook entries, and others wait as well.
    await turn();
    for (const use of excepted.of(policy, value).uses)
      if (use.message !== "") problems.push(useWarning(policy, use));
  }
  if (named > 0 || signal.aborted) return problems;
  return [
    warning("spec.policies", "There is no such policy yet", "It applies to those that come."),
  ];
}

function useWarning({ kind, namespace, name }: PolicyObject, use: ExceptionUse): Problem {
  const policy = `${kind} "${namespace === "" ? "" : `${namespace}/`}${name}"`;
  return warning("spec.policies", `${policy}: ${useText(use)}`, "");
}

function timeWarning({ expires }: CompiledException, now: Date): readonly Problem[] {
  if (expires === undefined || expires > now.getTime()) return [];
  return [warning("spec.expires", "The exception has already expired", "It excepts nothing.")];
}

const warning = (path: string, message: string, hint: string): Problem => ({
  ...{ file: "", path, line: 0, column: 0, severity: "warning" },
  ...{ code: "policy-rule", message, hint },
});
