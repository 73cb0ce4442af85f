// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { objectKey, resourcePath } from "./resource.ts";

const pods = { group: "", version: "v1", plural: "pods" };
const policies = { group: "cilium.io", version: "v1alpha1", plural: "tracingpolicies" };

it.each([
  [resourcePath(pods), "/api/v1/pods"],
  [resourcePath(pods, { namespace: "a", name: "b" }), "/api/v1/namespaces/a/pods/b"],
  [
    resourcePath(policies, { name: "p", subresource: "status" }),
    "/apis/cilium.io/v1alpha1/tracingpolicies/p/status",
  ],
  // A name from outside must not reach another object.
  [resourcePath(pods, { namespace: "a", name: "../x?y" }), "/api/v1/namespaces/a/pods/..%2Fx%3Fy"],
])("%s", (path, expected) => expect(path).toBe(expected));

it("keys objects by namespace and name", () => {
  expect([objectKey("a", "b"), objectKey("", "b"), objectKey(undefined, "b")]).toEqual([
    "a/b",
    "b",
    "b",
  ]);
});
