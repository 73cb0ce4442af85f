// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { createPolicyCatalog } from "../api/policy-catalog.ts";
import { readPolicyObject } from "../api/read-policy-object.ts";
import { createSetCatalog } from "../sets/set-catalog.ts";
import type { Review } from "./admission-review.ts";
import { reviewPolicy } from "./review-policy.ts";
import { reviewSet } from "./review-set.ts";

const signal = new AbortController().signal;

/** A policy that compares addresses with the set `a`. */
const guard = (name: string, namespace = "", set = "a") => ({
  metadata: { name, namespace, uid: `${namespace}/${name}`, resourceVersion: "1", generation: 1 },
  spec: {
    kprobes: [
      {
        call: "tcp_connect",
        syscall: false,
        args: [{ index: 0, type: "sock" }],
        selectors: [{ matchArgs: [{ index: 0, operator: "DAddr", values: [`set:${set}`] }] }],
      },
    ],
  },
});

function policies(...objects: readonly ReturnType<typeof guard>[]) {
  const [catalog, sets] = [createPolicyCatalog(), createSetCatalog()];
  for (const object of objects) {
    const isOfNamespace = object.metadata.namespace !== "";
    catalog.put(readPolicyObject(isOfNamespace ? "GuardPolicyNamespaced" : "GuardPolicy", object));
  }
  return { catalog, sets };
}

const review = (kind: string, object: Review["object"], namespace = ""): Review => ({
  ...{ uid: "u", operation: "CREATE", group: "gander.dev", kind, resource: "", subresource: "" },
  ...{ name: "a", namespace, object, oldObject: undefined, user: "", groups: [], isDryRun: false },
});

const set = (...values: readonly string[]) =>
  review("ValueSet", { metadata: { name: "a" }, spec: { values } });

it("a policy of the cluster that cannot have the values refuses the set", async () => {
  const { refusal } = await reviewSet(set("10.0.0.1", "x"), policies(guard("one")), { signal });
  expect(refusal?.message).toContain(
    'spec.values[1]: The GuardPolicy "one" cannot have it at spec.kprobes[0].selectors[0].matchArgs[0]: "x" is not an address',
  );
});

it("a tenant's policy causes a warning, and refuses no set", async () => {
  const known = policies(guard("one", "shop"), guard("two", "shop"), guard("three", "", "other"));
  const { refusal, warnings } = await reviewSet(set("10.0.0.1", "x"), known, { signal });
  expect(refusal).toBeUndefined();
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toContain(
    'spec.values[1]: The GuardPolicyNamespaced "shop/one" cannot have it at',
  );
});

it("a review ends in time, and says what it has not looked at", async () => {
  const known = policies(guard("one"), guard("two"), guard("three", "shop"));
  const verdict = await reviewSet(set("x"), known, { signal: AbortSignal.abort() });
  expect(verdict.refusal).toBeUndefined();
  expect(verdict.warnings).toEqual([
    "spec.values: There was no time to check 3 of the policies that name the set. One that cannot have these values keeps those it has, and its status says so.",
  ]);
});

it("a review of many policies lets others go on, and the time limit come", async () => {
  const many = Array.from({ length: 200 }, (_, i) => guard(`p${i}`));
  const values = Array.from({ length: 4_000 }, (_, i) => `10.${i >> 8}.${i & 255}.1`);
  const { warnings } = await reviewSet(set(...values), policies(...many), {
    signal: AbortSignal.timeout(20),
  });
  expect(warnings).toEqual([expect.stringMatching(/no time to check \d+ of the policies/)]);
});

it("a tenant's policy is refused without the values that it cannot have", async () => {
  const { sets } = policies();
  sets.put({ name: "a", values: ["10.0.0.1", "s3cret"] });
  const checkFleet = async () => ({ findings: [], nodes: 0, unknown: 0 });
  const ask = (kind: string, namespace: string) =>
    reviewPolicy(
      review(
        kind,
        { kind, apiVersion: "gander.dev/v1alpha1", ...guard("p", namespace) },
        namespace,
      ),
      { checkFleet, sets },
      { signal },
    );
  const own = await ask("GuardPolicy", "");
  expect(own.refusal?.message).toContain('Value 2 of the set "a": "s3cret" is not an address');
  const tenant = await ask("GuardPolicyNamespaced", "shop");
  expect(tenant.refusal?.message).toContain('Value 2 of the set "a": This filter cannot compare');
  expect(JSON.stringify(tenant)).not.toContain("s3cret");
});
