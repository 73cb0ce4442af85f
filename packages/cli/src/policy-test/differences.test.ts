// SPDX-License-Identifier: Apache-2.0
// What each output says of cases that a kernel decides, beside what is said without one.
import { join } from "node:path";
import { type CaseResult, casePart, type Engine } from "@gander/policy-test";
import { compared } from "@gander/policy-test/reference";
import { describe, expect, it } from "vitest";
import { exitStatus } from "../check/file-report.ts";
import { reportFormats } from "../check/report-formats.ts";
import { repository } from "../check/test-check.ts";
import type { Io } from "../io.ts";
import { findTests } from "./find-tests.ts";
import { runTests } from "./run-tests.ts";
import { testText } from "./test-text.ts";

const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: p }
spec:
  lsmhooks:
    - hook: file_open
      args: [{ index: 0, type: file }]
      selectors:
        - matchArgs: [{ args: [0], operator: Prefix, values: [/etc/] }]
          matchActions: [{ action: Override, argError: -1 }]
`;
const test = `apiVersion: gander.dev/v1alpha1
kind: PolicyTest
metadata: { name: t }
policies: [policy.yaml]
cases:
  - { name: stopped, do: { read: /etc/hosts }, expect: denied }
  - { name: other, do: { read: /srv/x }, expect: allowed }
`;

/** As a kernel that says this of the cases. */
const kernel = (verdicts: readonly CaseResult["verdict"][]): Engine => ({
  run: async (tests) =>
    tests.map((one) =>
      one.test.cases.map((each, i) => ({
        ...{ ...casePart(each), verdict: verdicts[i] ?? "invalid", why: "done" },
      })),
    ),
  [Symbol.asyncDispose]: async () => {},
});

async function outputs(...verdicts: readonly CaseResult["verdict"][]) {
  using directory = repository({ "policy.yaml": policy, "gander-test.yaml": test });
  await using engine = compared(kernel(verdicts));
  const found = await findTests([join(directory.root, "gander-test.yaml")]);
  const reports = await runTests(found, engine, { allowUndecided: false });
  const io = { env: { GITHUB_WORKSPACE: directory.root } } as unknown as Io;
  const as = (name: string, quiet = false) =>
    (name === "text"
      ? testText(reports, { quiet, color: false })
      : (reportFormats[name]?.(reports, { io, failOn: "error", quiet }) ?? "")
    ).replaceAll(`${directory.root}/`, "");
  return { as, status: exitStatus(reports, "error") };
}

describe("a kernel that decides otherwise", () => {
  it("is right, and the difference is shown", async () => {
    const { as, status } = await outputs("denied", "denied");
    expect(status).toBe(1);
    expect(as("text")).toBe(`t (gander-test.yaml)
  ok      denied     stopped
  WRONG   denied     other: expected allowed
          done
          DIFFERS: without a kernel it is allowed
          no selector matches
          file_open(file: "/srv/x") by /application
          does not match in selector 0: the path of argument 0 (file) begins with "/etc/"

1 test, 2 cases: 1 not as expected; 1 otherwise than without a kernel
`);
  });

  it("is a warning in each output, of a case that ends as expected", async () => {
    const { as, status } = await outputs("denied", "allowed");
    expect(status).toBe(0);
    expect(as("text")).not.toContain("DIFFERS");
    const other = await outputs("allowed", "allowed");
    expect(other.status).toBe(1);
    const says = '"stopped" is allowed on this kernel, and denied without one';
    expect(other.as("github")).toContain(
      `::warning file=gander-test.yaml,line=6,col=5,title=policy-test-differs::${says}`,
    );
    const { results } = JSON.parse(other.as("sarif")).runs[0];
    expect(results).toMatchObject([
      { ruleId: "policy-test-failed", level: "error" },
      { ruleId: "policy-test-differs", level: "warning" },
    ]);
    expect(other.as("junit")).toMatch(/<system-out>warning 6:5: &#34;stopped&#34; is allowed on/);
    expect(JSON.parse(other.as("json")).files[0].cases[0]).toMatchObject({
      verdict: "allowed",
      model: {
        verdict: "denied",
        trace: expect.arrayContaining([expect.stringContaining("file_open")]),
      },
    });
  });

  it("shows the call that is known without it, where both agree on a wrong case", async () => {
    const { as } = await outputs("denied", "allowed");
    expect(as("text", true)).toBe("1 test, 2 cases: all as expected\n");
    const wrong = test.replace("expect: denied", "expect: allowed");
    using directory = repository({ "policy.yaml": policy, "gander-test.yaml": wrong });
    await using engine = compared(kernel(["denied", "allowed"]));
    const reports = await runTests(await findTests([directory.root]), engine, {
      allowUndecided: false,
    });
    const text = testText(reports, { quiet: true, color: false });
    expect(text).toContain("by the policy p, spec.lsmhooks[0] (file_open), selector 0");
    expect(text).toContain('matches: the path of argument 0 (file) begins with "/etc/"');
  });
});
