// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../check-policy.ts";
import { fuseOf, fuseProblems } from "./compile-fuse.ts";

const policy = (metadata: string, action = "Sigkill") => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: fused
${metadata}
spec:
  lsmhooks:
  - hook: bprm_check_security
    args: [{ index: 0, type: linux_binprm }]
    selectors:
    - matchArgs: [{ index: 0, operator: Postfix, values: [/sh] }]
      matchActions: [{ action: ${action} }]
`;

const annotation = (text: string) => `  annotations:\n    gander.dev/fuse: "${text}"`;
const guard = "  labels: { gander.dev/level: guard }";

const check = (text: string) => {
  const { value, problems } = checkPolicy(text, { file: "f" });
  const said = problems ?? value?.flatMap(({ warnings }) => warnings) ?? [];
  return {
    fuse: value?.[0]?.compiled.fuse,
    said: said.map(({ severity, line, column, message }) => ({ severity, line, column, message })),
  };
};

describe("the fuse of a policy", () => {
  it("is in its metadata and not in its digest", () => {
    const [one, two] = ["5 pods in 1m", "off"].map(
      (text) => checkPolicy(policy(annotation(text)), { file: "f" }).value?.[0]?.compiled,
    );
    expect(one?.fuse).toEqual({ pods: 5, windowMs: 60_000 });
    expect(two?.fuse).toBe("off");
    expect(one?.digest).toBe(two?.digest);
  });

  it("that is wrong has a place in the text", () => {
    expect(check(policy(annotation("5 pods per 1m"))).said).toEqual([
      {
        ...{ severity: "error", line: 6, column: 30 },
        message: '"5 pods per 1m" is not a number of pods in a time',
      },
    ]);
  });

  it("has no effect where nothing is enforced, which a note says", () => {
    expect(check(policy(annotation("5 pods in 1m"), "Post")).said).toMatchObject([
      { severity: "note", line: 6, message: expect.stringContaining("no effect") },
    ]);
  });

  it("is none for guards, and a warning if they have one", () => {
    expect(check(policy(guard))).toEqual({ fuse: "off", said: [] });
    expect(check(policy(`${guard}\n${annotation("5 pods in 1m")}`)).said).toMatchObject([
      { severity: "warning", message: expect.stringContaining("should have no fuse") },
    ]);
  });

  it("that cannot be read is none: the policy enforces", () => {
    const metadata = {
      annotations: { "gander.dev/fuse": "a few", "gander.dev/fuse-rearmed": "a b" },
    };
    expect(fuseOf(metadata)).toEqual({ fuse: "off" });
    expect(fuseProblems(metadata).map(({ path, severity }) => [path, severity])).toEqual([
      ['metadata.annotations["gander.dev/fuse"]', "error"],
      ['metadata.annotations["gander.dev/fuse-rearmed"]', "error"],
    ]);
  });
});
