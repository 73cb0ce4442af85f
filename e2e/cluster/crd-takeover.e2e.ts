// SPDX-License-Identifier: Apache-2.0
// Definitions that another product installed are taken over only on request, here with kubectl alone:
// the API server records who set which field, and refuses a second owner.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";

const DEFINITIONS = join(import.meta.dirname, "../../charts/gander-crds/generated");

const theirs = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: tracingpolicies.cilium.io
spec:
  group: cilium.io
  scope: Cluster
  names: {kind: TracingPolicy, plural: tracingpolicies, singular: tracingpolicy}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
`;

const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: there-before
spec:
  kprobes:
    - call: fd_install
      syscall: false
      args:
        - {index: 0, type: int}
`;

describe("definitions of another product", () => {
  let cluster: ControlPlane;
  beforeAll(async () => {
    expect(existsSync(DEFINITIONS)).toBe(true);
    cluster = await startControlPlane();
    await cluster.kubectl(["create", "-f", "-"], { input: theirs });
    await cluster.kubectl(["wait", "--for=condition=Established", "crd/tracingpolicies.cilium.io"]);
    await cluster.kubectl(["create", "-f", "-"], { input: policy });
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const apply = (...more: readonly string[]) =>
    cluster.kubectl(["apply", "--server-side", "-f", DEFINITIONS, ...more]);
  const get = async (what: string, path: string) =>
    (await cluster.kubectl(["get", what, "-o", `jsonpath={${path}}`])).stdout;
  const partOf = ".metadata.labels.app\\.kubernetes\\.io/part-of";

  it("stay as they are, and we are told whose they are", async () => {
    await expect(apply()).rejects.toThrow(/conflict.*kubectl-create/s);
    expect(await get("crd/tracingpolicies.cilium.io", partOf)).toBe("");
    expect(await get("crd/tracingpolicies.cilium.io", ".spec.versions[0].subresources")).toBe("");
  });

  it("are ours when that is asked for, with the policies that were there", async () => {
    await apply("--force-conflicts");
    expect(await get("crd/tracingpolicies.cilium.io", partOf)).toBe("gander");
    expect(await get("crd/tracingpolicies.cilium.io", ".spec.versions[0].subresources")).toBe(
      '{"status":{}}',
    );
    expect(await get("tracingpolicy/there-before", ".spec.kprobes[0].call")).toBe("fd_install");
  });

  it("can be upgraded after that without asking again", async () => {
    await apply();
    expect(await get("crd/policystatuses.gander.dev", partOf)).toBe("gander");
  });
});
