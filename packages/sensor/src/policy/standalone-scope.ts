// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import type { CheckedPolicy } from "@gander/policy";
import { policyProblem } from "./policy-problem.ts";

/**
 * Policies that a standalone sensor cannot apply: it knows neither labels nor namespaces of pods, nor which processes
 * are in none. Such a policy would apply to everything here, so it is refused.
 */
export function checkStandaloneScope({ policy, compiled }: CheckedPolicy): Problem[] {
  const { spec } = policy;
  const found: string[] = [];
  if (compiled.namespace !== "") found.push("metadata.namespace");
  for (const field of ["podSelector", "containerSelector", "nodeSelector"] as const) {
    if (spec[field] !== undefined) found.push(`spec.${field}`);
  }
  const ofSelectors = compiled.hooks.flatMap(({ path, selectors }) =>
    selectors
      .filter(({ filters }) => filters.some(({ on }) => on === "workloads"))
      .map(({ index }) => `${path}.selectors[${index}].matchWorkloads`),
  );
  const report = (path: string, hint: string) =>
    policyProblem({
      code: "kernel-unsupported",
      path,
      message: `Cannot load policy "${compiled.name}": ${path} selects workloads, which this sensor does not know without the Gander operator`,
      hint,
    });
  return [
    ...found.map((path) =>
      report(path, `${needsOperator}; only \`hostSelector: {}\` alone works without it.`),
    ),
    ...ofSelectors.map((path) => report(path, `${needsOperator}.`)),
  ];
}

/** Not "remove it": the policy would then enforce on everything on the machine. */
const needsOperator = "Such a policy needs the operator";
