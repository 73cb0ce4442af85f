// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import type { Review } from "./admission-review.ts";
import { reviewPolicy } from "./review-policy.ts";

const policy = (annotations: Readonly<Record<string, string>>, labels = {}) => ({
  apiVersion: "cilium.io/v1alpha1",
  kind: "TracingPolicy",
  metadata: { name: "fused", annotations, labels },
  spec: {
    lsmhooks: [
      {
        hook: "bprm_check_security",
        args: [{ index: 0, type: "linux_binprm" }],
        selectors: [
          {
            matchArgs: [{ index: 0, operator: "Postfix", values: ["/sh"] }],
            matchActions: [{ action: "Sigkill" }],
          },
        ],
      },
    ],
  },
});

const update = (before: object, after: object): Review => ({
  ...{ uid: "u", operation: "UPDATE", group: "cilium.io", kind: "TracingPolicy" },
  ...{ resource: "tracingpolicies", subresource: "", name: "fused", namespace: "" },
  object: after as Review["object"],
  oldObject: before as Review["oldObject"],
  ...{ user: "someone", groups: [], isDryRun: false },
});

const verdict = async (after: object) => {
  const deps = {
    checkFleet: () => Promise.reject(new Error("there is no fleet")),
    sets: { get: () => undefined, trouble: () => undefined },
  };
  const { signal } = new AbortController();
  const { refusal, warnings } = await reviewPolicy(update(policy({}), after), deps, { signal });
  return { refusal: refusal?.message ?? "", warnings: warnings.join("\n") };
};

describe("the review of a change of annotations alone", () => {
  it("refuses a fuse that is none", async () => {
    const { refusal } = await verdict(policy({ "gander.dev/fuse": "a few pods" }));
    expect(refusal).toMatch(/"a few pods" is not a number of pods in a time/);
    expect(refusal).toMatch(/gander\.dev\/fuse/);
  });

  it("warns of the fuse of a guard", async () => {
    const { refusal, warnings } = await verdict(
      policy({ "gander.dev/fuse": "5 pods in 1m" }, { "gander.dev/level": "guard" }),
    );
    expect(refusal).toBe("");
    expect(warnings).toMatch(/should have no fuse/);
  });

  it("accepts one", async () => {
    const { refusal } = await verdict(policy({ "gander.dev/fuse": "5 pods in 1m" }));
    expect(refusal).toBe("");
  });
});
