// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import type { InstalledPolicy } from "../installed-policy.ts";
import { policyProblem } from "../policy-problem.ts";
import { exceptionOf } from "./node-exceptions.ts";

const running: InstalledPolicy = {
  key: { name: "p", namespace: "", origin: "operator", uid: "u" },
  ...{ id: 1, revision: 7, mode: "enforce", enabled: true, budget: 0, warnings: [], hooks: [] },
  compiled: { name: "p", namespace: "", digest: "", mode: "enforce", hooks: [] },
};
const lacks = policyProblem({ code: "kernel-no-function", message: "no x", hint: "Use y." });
const fails = policyProblem({ code: "kernel-attach", message: "no room" });
const none = { running: undefined, problems: undefined, lacking: 0, weaknesses: [] };

describe("exceptionOf", () => {
  it("has nothing to say of what is in force as it should", () => {
    expect(exceptionOf({ uid: "u" }, { ...none, running })).toBeUndefined();
  });

  it.each([
    ["unsupported", [lacks], "kernel-no-function", "no x (Use y)"],
    ["failed", [lacks, fails], "kernel-no-function", "no x (Use y); no room"],
  ] as const)("says that it is %s, and what goes on", (state, problems, code, message) => {
    const exception = { uid: "u", state, code, message };
    expect(exceptionOf({ uid: "u" }, { ...none, problems })).toEqual({
      ...exception,
      runningGeneration: 0,
    });
    expect(exceptionOf({ uid: "u" }, { ...none, problems, running })).toEqual({
      ...exception,
      runningGeneration: 7,
    });
  });

  it("says for how many there is no room", () => {
    expect(
      exceptionOf({ uid: "u" }, { ...none, running, lacking: 3, weaknesses: [] }),
    ).toMatchObject({
      ...{ state: "failed", code: "policy-groups", runningGeneration: 7 },
      message: expect.stringMatching(/^3 cgroups .* more than 4351 combinations/),
    });
  });

  it("says what it does less well", () => {
    const hook = { ...({} as InstalledPolicy["hooks"][number]["hook"]) };
    const hooks = [{ hook, rules: [], missing: "no function y" }];
    expect(
      exceptionOf({ uid: "u" }, { ...none, running: { ...running, warnings: ["w"], hooks } }),
    ).toMatchObject({ state: "degraded", code: "policy-degraded", message: "w; no function y" });
  });
});
