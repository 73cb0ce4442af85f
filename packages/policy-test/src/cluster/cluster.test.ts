// SPDX-License-Identifier: Apache-2.0
// Copies of policies for a probe pod alone, and what is made of its reports. The API server is asked in
// e2e/cluster/attack-pods.e2e.ts.
import { join } from "node:path";
import { checkPolicyObject } from "@gander/policy";
import { describe, expect, it } from "vitest";
import type { Ending } from "../attacks/attack-result.ts";
import type { PlacedReport } from "../attacks/watch-reports.ts";
import { libraryFolder } from "../library-folder.ts";
import { loadPolicyTest } from "../load-policy-test.ts";
import type { TestCase } from "../policy-test.ts";
import { judge } from "./cluster-engine.ts";
import { copyPolicies } from "./policy-copies.ts";

function load(name: string) {
  const { value } = loadPolicyTest(join(libraryFolder(), name, "gander-test.yaml"));
  if (value === undefined) throw new Error(name);
  return value;
}
const copies = (name: string) =>
  copyPolicies(load(name), { id: "1a2b", namespace: "probes", mode: "monitor" });

describe("copies of policies", () => {
  it("are for the pod with the label alone, in mode monitor", () => {
    const [copy] = copies("container-escape/kernel-memory");
    expect(copy).toMatchObject({
      kind: "TracingPolicy",
      metadata: { name: "gander-test-1a2b-0", labels: { "gander.dev/policy-test": "1a2b" } },
      spec: {
        podSelector: { matchLabels: { "gander.dev/policy-test": "1a2b" } },
        options: [{ name: "policy-mode", value: "monitor" }],
      },
    });
    expect(copy?.spec.podSelector).not.toHaveProperty("matchExpressions");
  });

  it("have the values of their sets", () => {
    const text = JSON.stringify(copies("network/node-services"));
    expect(text).toContain('"192.168.7.1","192.168.7.2"');
    expect(JSON.stringify(copies("network/cloud-metadata"))).toContain('"169.254.169.254"');
    expect(text).not.toContain("set:");
  });

  it("can be taken by the operator", () => {
    for (const name of [
      "network/node-services",
      "container-escape/static-pods",
      "drift/only-the-image",
    ])
      for (const { kind, ...rest } of copies(name)) {
        const apiVersion = kind.startsWith("Guard") ? "gander.dev/v1alpha1" : "cilium.io/v1alpha1";
        const { problems } = checkPolicyObject({ apiVersion, kind, ...rest });
        expect(problems, name).toBeUndefined();
      }
  });
});

describe("a case in a cluster", () => {
  const policies = load("container-escape/kernel-memory").policies.map(({ compiled }) => compiled);
  const report = (action: PlacedReport["action"], policy = "p-0"): PlacedReport => ({
    ...{ policy, action, message: "", containerId: "", pod: "", container: "case-0" },
  });
  const verdict = (
    expected: TestCase["expect"],
    outcome: Ending["outcome"],
    ...own: PlacedReport[]
  ) => {
    const one = { name: "x", line: 1, expect: expected } as TestCase;
    const seen = { own, policies, copies: 1, name: "p" };
    return judge(one, { outcome, error: "" }, seen).verdict;
  };

  it("is judged by the reports of the copies", () => {
    expect(verdict("allowed", "succeeded")).toBe("allowed");
    expect(verdict("allowed", "succeeded", report("reported", "another-policy"))).toBe("allowed");
    expect(verdict("denied", "refused", report("denied"))).toBe("denied");
    expect(verdict("allowed", "killed", report("killed"))).toBe("killed");
  });

  it("is in mode monitor what the actions of the policy would make of it", () => {
    expect(verdict("denied", "succeeded", report("reported"))).toBe("denied");
    expect(verdict("killed", "succeeded", report("reported"))).toBe("reported");
    expect(verdict("allowed", "succeeded", report("reported"))).toBe("reported");
  });

  it("can't be judged if something else refused it, or if it wasn't done", () => {
    expect(verdict("denied", "refused")).toBe("invalid");
    expect(verdict("denied", "refused", report("denied", "another-policy"))).toBe("invalid");
    expect(verdict("denied", "impossible")).toBe("invalid");
  });
});
