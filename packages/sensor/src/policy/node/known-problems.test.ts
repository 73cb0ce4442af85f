// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { policyProblem } from "../policy-problem.ts";
import { createKnownProblems } from "./known-problems.ts";

it("knows a policy's problems for a while", () => {
  let now = 0;
  const known = createKnownProblems({ keepMs: 100, now: () => now });
  const problems = [policyProblem({ code: "kernel-no-function", message: "x" })];
  const policy = { uid: "a", compiled: { digest: "1" } };
  known.add(policy, problems);
  expect(known.of(policy)).toBe(problems);
  expect(known.of({ ...policy, uid: "b" })).toBeUndefined();
  expect(known.of({ ...policy, compiled: { digest: "2" } })).toBeUndefined();
  now = 100;
  expect(known.of(policy)).toBeUndefined();
});
