// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { createPolicyCatalog } from "../api/policy-catalog.ts";
import { readPolicyObject } from "../api/read-policy-object.ts";
import type { Review } from "./admission-review.ts";
import { reviewException } from "./review-exception.ts";

const signal = new AbortController().signal;
const now = new Date("2026-12-01T00:00:00Z");

function catalogWith(...annotations: readonly Record<string, string>[]) {
  const catalog = createPolicyCatalog();
  for (const [i, own] of annotations.entries())
    catalog.put(
      readPolicyObject("TracingPolicy", {
        metadata: {
          ...{ name: `p${i}`, uid: `u${i}`, resourceVersion: "1", generation: 1 },
          annotations: own,
        },
        spec: {
          kprobes: [
            { call: "security_file_open", syscall: false, args: [{ index: 0, type: "file" }] },
            { call: "sys_mount", args: [{ index: 0, type: "int" }] },
          ],
        },
      }),
    );
  return catalog;
}

const review = (spec: object, namespace = "", more: Partial<Review> = {}): Review => ({
  ...{ uid: "u", operation: "CREATE", group: "gander.dev", resource: "", subresource: "" },
  kind: namespace === "" ? "PolicyException" : "PolicyExceptionNamespaced",
  ...{ name: "a", namespace, oldObject: undefined, user: "", groups: [], isDryRun: false },
  object: { metadata: { name: "a" }, spec: { reason: "it must", ...spec } },
  ...more,
});

it("refuses with all mistakes", async () => {
  const wrong = review({ reason: "TODO", policies: ["P"], namespaces: ["a"] });
  const { refusal } = await reviewException(wrong, catalogWith({}), { signal, now });
  expect(refusal?.message).toBe(
    [
      "2 errors in the PolicyException:",
      'spec.policies[0]: "P" cannot be the name of a policy. Write NAME, NAMESPACE/NAME for a policy of a namespace, NAMESPACE/* for all of them, or *.',
      "spec.reason: The reason still begins with TODO. Say why the exception is needed, for those who find it later.",
    ].join("\n"),
  );
});

it("warns where it does nothing", async () => {
  const paths = [{ operator: "In", values: ["/etc/a"] }];
  const given = review({ policies: ["p0"], paths, expires: "2026-11-30T00:00:00Z" });
  const { refusal, warnings } = await reviewException(given, catalogWith({}), { signal, now });
  expect(refusal).toBeUndefined();
  expect(warnings).toEqual([
    "spec.expires: The exception has already expired. It excepts nothing.",
    'spec.policies: TracingPolicy "p0": The exception "a" does not apply everywhere: spec.kprobes[1]: it has no argument of type file, path, linux_binprm or kiocb',
  ]);
});

it("warns if it names no policy, or one that is not open to it", async () => {
  const pods = { podSelector: { matchLabels: { app: "a" } } };
  const warningsOf = async (spec: object) =>
    (await reviewException(review(spec, "shop"), catalogWith({}), { signal, now })).warnings;
  expect(await warningsOf({ policies: ["other"], ...pods })).toEqual([
    "spec.policies: There is no such policy yet. It applies to those that come.",
  ]);
  expect(await warningsOf({ policies: ["p0"], ...pods })).toEqual([
    expect.stringContaining("does not have the annotation `gander.dev/namespaced-exceptions: al"),
  ]);
});

it("leaves an object alone whose spec is as it was", async () => {
  const object = { metadata: { name: "a" }, spec: { reason: "" } };
  const same = review({}, "", { operation: "UPDATE", object, oldObject: object });
  expect(await reviewException(same, catalogWith({}), { signal })).toEqual({
    refusal: undefined,
    warnings: [],
  });
});
