// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy, LabelSelector, WorkloadSelector } from "@gander/policy";
import { describe, expect, it } from "vitest";
import type { ContainerFacts } from "../../workload/container-bundles.ts";
import type { InstalledPolicy } from "../installed-policy.ts";
import { assignPolicies } from "./node-assignment.ts";
import type { NodePod, NodePolicy } from "./node-version.ts";

const labels = (matchLabels: Record<string, string>): LabelSelector => ({
  matchLabels,
  matchExpressions: [],
});

function compiled(digest: string, workloads?: WorkloadSelector, namespace = ""): CompiledPolicy {
  return {
    ...{ name: "p", namespace, digest, mode: "enforce", hooks: [] },
    ...(workloads && { workloads }),
  };
}

function running(policy: CompiledPolicy, uid = "u"): InstalledPolicy {
  return {
    key: { name: policy.name, namespace: policy.namespace, origin: "operator", uid },
    ...{ id: 1, revision: 1, compiled: policy, mode: "enforce", enabled: true, budget: 0 },
    ...{ warnings: [], hooks: [] },
  };
}

function wanted(policy: CompiledPolicy, uid = "u"): NodePolicy {
  const { name, namespace } = policy;
  return { uid, generation: 2, name, namespace, mode: "", compiled: policy };
}

const pod = (uid: string, policies: readonly string[], podLabels = {}): NodePod => ({
  ...{ uid, policies, namespace: "shop", name: uid, labels: podLabels },
});

const web: ContainerFacts = {
  ...{ name: "web", image: "registry.example/team/nginx:1", podName: "", podNamespace: "" },
  ...{ imageId: "", startedMs: 0, isPrivileged: false },
  runtime: "containerd",
};

describe("assignPolicies", () => {
  it("gives pods what the operator says, in the order of UIDs", () => {
    const policy = compiled("d", { podSelector: labels({ app: "a" }), host: false });
    const { of, expected } = assignPolicies(
      {
        policies: [wanted(policy, "u2"), wanted(policy, "u1")],
        pods: [pod("a", ["u2", "u1"]), pod("b", [])],
      },
      [running(policy, "u2"), running(policy, "u1")],
    );
    const cgroup = (uid: string) => of({ id: 1n, pod: uid, container: "unknown" });
    expect(cgroup("a")).toEqual(["u1", "u2"]);
    expect(cgroup("b")).toEqual([]);
    expect(cgroup("nobody told of")).toEqual([]);
    expect(cgroup("")).toEqual([]);
    expect(expected).toEqual([[], ["u1", "u2"], []]);
  });

  it("leaves out what everything has anyway", () => {
    const policy = compiled("d");
    const { of } = assignPolicies({ policies: [wanted(policy)], pods: [pod("a", ["u"])] }, [
      running(policy),
    ]);
    expect(of({ id: 1n, pod: "a", container: "unknown" })).toEqual([]);
  });

  it.each<[string, WorkloadSelector | undefined, string, Record<string, string>, boolean]>([
    ["its labels", { podSelector: labels({ app: "a" }), host: false }, "", { app: "a" }, true],
    ["other labels", { podSelector: labels({ app: "a" }), host: false }, "", { app: "b" }, false],
    [
      "the namespace as a label",
      { podSelector: labels({ "k8s:io.kubernetes.pod.namespace": "shop" }), host: false },
      "",
      {},
      true,
    ],
    ["its namespace", { host: false }, "shop", {}, true],
    ["another namespace", { host: false }, "other", {}, false],
    ["the host alone", { host: true }, "", {}, false],
    ["a container", { containerSelector: labels({ name: "web" }), host: false }, "", {}, true],
  ])("lets the version before go on for %s", (_, workloads, namespace, podLabels, expected) => {
    const before = compiled("before", workloads, namespace);
    // The version that is wanted is for everybody, but could not be attached.
    const { of } = assignPolicies(
      {
        policies: [wanted(compiled("now", { host: false }))],
        pods: [pod("a", ["u"], podLabels)],
      },
      [running(before)],
    );
    expect(of({ id: 1n, pod: "a", container: web })).toEqual(expected ? ["u"] : []);
  });

  it.each<[string, LabelSelector, boolean]>([
    ["its name", labels({ name: "web" }), true],
    ["another name", labels({ name: "db" }), false],
    ["its image without the tag", labels({ repo: "registry.example/team/nginx" }), true],
    ["its image with the tag", labels({ repo: "registry.example/team/nginx:1" }), false],
    [
      "not another name",
      { matchLabels: {}, matchExpressions: [{ key: "name", operator: "NotIn", values: ["db"] }] },
      true,
    ],
  ])("selects a container by %s", (_, containerSelector, expected) => {
    const policy = compiled("d", { containerSelector, host: false });
    const { of } = assignPolicies({ policies: [wanted(policy)], pods: [pod("a", ["u"])] }, [
      running(policy),
    ]);
    expect(of({ id: 1n, pod: "a", container: web })).toEqual(expected ? ["u"] : []);
    expect(of({ id: 1n, pod: "a", container: "unknown" })).toEqual(["u"]);
    // What holds the pod together has no name to be selected by.
    const sandbox = { ...web, name: "", image: "" };
    const byAbsence = containerSelector.matchExpressions.length > 0;
    expect(of({ id: 1n, pod: "a", container: sandbox })).toEqual(byAbsence ? ["u"] : []);
  });
});
