// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy, LabelSelector, WorkloadSelector } from "@gander/policy";
import { describe, expect, it } from "vitest";
import type { ContainerFacts } from "../../workload/container-bundles.ts";
import { entryOf } from "../group-content.ts";
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

describe("workloads of selectors", () => {
  const ofPods = { podSelector: labels({ app: "a" }), host: false };
  const ofWeb = { ...ofPods, containerSelector: labels({ name: "web" }) };
  const ofHost = { host: true };
  const [pods, inWeb] = [ofPods, ofWeb].map((one) => entryOf(one, "within"));
  const maybeInWeb = entryOf(ofWeb, "unsure");

  /** A policy whose selectors are for these. */
  const choosing = (
    workloads: readonly WorkloadSelector[],
    ofPolicy?: WorkloadSelector,
    namespace = "",
  ): CompiledPolicy => {
    const filters = workloads.map((one) => ({ on: "workloads" as const, workloads: one }));
    const selectors = filters.map((filter, index) => ({
      ...{ index, label: "", filters: [filter], returnFilters: [], actions: [], returnActions: [] },
    }));
    const hook: CompiledPolicy["hooks"][number] = {
      ...{ kind: "lsm", target: "file_open", syscall: false, raw: false, path: "", index: 0 },
      ...{ ignoreCallNotFound: false, message: "", tags: [], args: [], selectors },
    };
    return { ...compiled("d", ofPolicy, namespace), hooks: [hook] };
  };
  const assigned = (policy: CompiledPolicy, ...told: readonly NodePod[]) =>
    assignPolicies({ policies: [wanted(policy)], pods: told }, [running(policy)]);

  it("are part of what pods have, of a policy for everything as well", () => {
    const policy = choosing([ofPods, ofHost, ofPods]);
    const { of, expected } = assigned(policy, pod("a", ["u"], { app: "a" }), pod("b", ["u"]));
    expect(of({ id: 1n, pod: "a", container: "unknown" })).toEqual([pods]);
    expect(of({ id: 1n, pod: "b", container: "unknown" })).toEqual([]);
    expect(of({ id: 1n, pod: "nobody told of", container: "unknown" })).toEqual([]);
    expect(of({ id: 1n, pod: "", container: "unknown" })).toEqual([]);
    expect(expected).toEqual([[], [pods], []]);
  });

  it("are not known while the container isn't", () => {
    const policy = choosing([ofWeb]);
    const { of } = assigned(policy, pod("a", ["u"], { app: "a" }), pod("b", ["u"]));
    const contentOf = (uid: string, container: ContainerFacts | "unknown") =>
      of({ id: 1n, pod: uid, container });
    expect(contentOf("a", "unknown")).toEqual([maybeInWeb]);
    expect(contentOf("a", web)).toEqual([inWeb]);
    expect(contentOf("a", { ...web, name: "db" })).toEqual([]);
    expect(contentOf("b", "unknown")).toEqual([]);
  });

  it("matter only where the policy applies", () => {
    const policy = choosing([ofPods], { podSelector: labels({ tier: "x" }), host: false }, "shop");
    const { of } = assigned(
      policy,
      pod("a", ["u"], { app: "a", tier: "x" }),
      pod("b", [], { app: "a" }),
    );
    expect(of({ id: 1n, pod: "a", container: "unknown" })).toEqual([pods, "u"].sort());
    expect(of({ id: 1n, pod: "b", container: "unknown" })).toEqual([]);
  });

  it("are missed where a cgroup could not be given its content", () => {
    const policy = choosing([ofPods, ofWeb]);
    const { lackedBy } = assigned(policy, pod("a", ["u"], { app: "a" }), pod("b", ["u"]));
    const inA = { id: 1n, pod: "a", container: web };
    const inB = { id: 2n, pod: "b", container: web };
    expect(lackedBy(inA, [pods ?? "", inWeb ?? ""])).toEqual([]);
    expect(lackedBy(inA, [pods ?? ""])).toEqual(["u"]);
    expect(lackedBy(inA, [pods ?? "", maybeInWeb ?? ""])).toEqual(["u"]);
    expect(lackedBy(inB, [])).toEqual([]);
    // An exception that it must not have.
    expect(lackedBy(inB, [inWeb ?? ""])).toEqual(["u"]);
  });
});
