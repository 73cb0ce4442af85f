// SPDX-License-Identifier: Apache-2.0
import type { PodDetails as WireDetails } from "@gander/proto/stream";
import { describe, expect, it } from "vitest";
import { noDetails } from "../workloads/workload.ts";
import { createIntern } from "./intern.ts";
import type { Container, RawPod } from "./raw-pod.ts";
import { readPodDetails } from "./read-pod-details.ts";

type Metadata = RawPod["metadata"];

const pod = (metadata: Partial<Metadata>, more: Partial<RawPod> = {}): RawPod => ({
  ...more,
  metadata: { name: "p", namespace: "n", uid: "u", resourceVersion: "1", ...metadata },
});
const read = (raw: RawPod): WireDetails => JSON.parse(readPodDetails(raw, createIntern()).text);
const owned = (kind: string, name: string, labels: Metadata["labels"] = {}) =>
  pod({ labels, ownerReferences: [{ kind, name, controller: true }] });

describe("the workload of a pod", () => {
  const hash = { "pod-template-hash": "5d4f" };
  it.each([
    ["a Deployment", owned("ReplicaSet", "shop-5d4f", hash), "shop", "Deployment"],
    ["a ReplicaSet of its own", owned("ReplicaSet", "shop-5d4f"), "shop-5d4f", "ReplicaSet"],
    ["another hash", owned("ReplicaSet", "shop-77aa", hash), "shop-77aa", "ReplicaSet"],
    ["nothing before the hash", owned("ReplicaSet", "-5d4f", hash), "-5d4f", "ReplicaSet"],
    ["no hash", owned("ReplicaSet", "shop-", { "pod-template-hash": "" }), "shop-", "ReplicaSet"],
    [
      "an Argo Rollout",
      owned("ReplicaSet", "shop-5d4f", { "rollouts-pod-template-hash": "5d4f" }),
      "shop",
      "Rollout",
    ],
    ["a CronJob", owned("Job", "backup-29400120"), "backup", "CronJob"],
    ["a Job", owned("Job", "migrate-2026"), "migrate-2026", "Job"],
    ["a Job of digits alone", owned("Job", "-29400120"), "-29400120", "Job"],
    ["a StatefulSet", owned("StatefulSet", "db"), "db", "StatefulSet"],
    ["a DaemonSet", owned("DaemonSet", "logs"), "logs", "DaemonSet"],
    [
      "a DeploymentConfig",
      owned("ReplicationController", "shop-3", { deploymentconfig: "shop" }),
      "shop",
      "DeploymentConfig",
    ],
    ["a controller of any kind", owned("constructor", "x"), "x", "constructor"],
    ["nothing", pod({}), undefined, "Pod"],
    ["its node: a static pod", owned("Node", "node-a"), undefined, "Pod"],
    [
      "an owner that does not control it",
      pod({ ownerReferences: [{ kind: "Pod", name: "p0" }] }),
      undefined,
      "Pod",
    ],
    ["a long name", owned("Job", "x".repeat(1_000_000)), `${"x".repeat(252)}…`, "Job"],
  ])("of %s", (_, raw, workload, kind) => {
    expect(read(raw)).toEqual({ ...(workload && { workload }), workload_kind: kind });
  });
});

describe("the exec probes of a container", () => {
  const probe = (...command: string[]) => ({ exec: { command } });
  const withContainers = (...containers: Container[]) => pod({}, { spec: { containers } });
  const containers = (raw: RawPod) => read(raw).containers;

  it("are its three kinds, each command once", () => {
    const spec = {
      initContainers: [{ name: "init", startupProbe: probe("/a") }],
      containers: [
        { name: "main", readinessProbe: probe("/b", ""), livenessProbe: probe("/b", "") },
        { name: "web", livenessProbe: {} },
      ],
    };
    expect(containers(pod({}, { spec }))).toEqual([
      { name: "init", exec_probes: [{ command: ["/a"] }] },
      { name: "main", exec_probes: [{ command: ["/b", ""] }] },
    ]);
  });

  it("are apart from the hooks of its lifecycle", () => {
    const lifecycle = { postStart: probe("/up"), preStop: { exec: {} } };
    expect(containers(withContainers({ name: "main", lifecycle }))).toEqual([
      { name: "main", hooks: [{ command: ["/up"] }] },
    ]);
  });

  it.each([
    ["$(DIR)/ok", "/srv/ok"],
    ["$(NONE)/ok", "$(NONE)/ok"],
    ["$(SECRET)", ""],
    ["$$(DIR) $$$(DIR)", "$(DIR) $/srv"],
    ["$DIR $( $", "$DIR $( $"],
  ])("have variables as the kubelet replaces them: %s", (argument, expected) => {
    const env = [{ name: "DIR", value: "/srv" }, { name: "SECRET" }];
    const main = { name: "main", env, livenessProbe: probe("/check", argument) };
    expect(containers(withContainers(main))).toEqual([
      { name: "main", exec_probes: [{ command: ["/check", expected] }] },
    ]);
  });

  it("do not grow beyond bounds by their variables", () => {
    const env = [{ name: "A", value: "x".repeat(1_000_000) }];
    const main = { name: "main", env, livenessProbe: probe("$(A)".repeat(1_000)) };
    expect(containers(withContainers(main))).toBeUndefined();
  });

  it("are bounded, whoever writes them", () => {
    const long = probe("x".repeat(4096));
    const main = { name: "main", livenessProbe: probe("/ok"), startupProbe: long };
    expect(containers(withContainers(main))).toEqual([
      { name: "main", exec_probes: [{ command: ["/ok"] }] },
    ]);
    expect(containers(withContainers({ name: "main", livenessProbe: probe() }))).toBeUndefined();
    const many = Array.from({ length: 1000 }, (_, i) => ({
      name: `c-${i}`,
      livenessProbe: probe("/bin/sh", "x".repeat(2000)),
    }));
    expect(containers(withContainers(...many))?.length).toBe(7);
    expect(readPodDetails(withContainers(...many), createIntern()).text.length).toBeLessThan(
      17_000,
    );
  });
});

describe("the image ids of a pod", () => {
  it("are those of its status, as soon as a container has started", () => {
    const spec = { containers: [{ name: "a" }, { name: "b" }], initContainers: [{ name: "i" }] };
    const status = {
      containerStatuses: [
        { name: "a", imageID: "" },
        { name: "b", imageID: "docker.io/library/nginx@sha256:12" },
        { name: "not-in-the-spec", imageID: "x" },
      ],
      initContainerStatuses: [{ name: "i", imageID: "sha256:34" }],
    };
    expect(read(pod({}, { spec, status })).containers).toEqual([
      { name: "i", image_id: "sha256:34" },
      { name: "b", image_id: "docker.io/library/nginx@sha256:12" },
    ]);
    expect(read(pod({}, { spec })).containers).toBeUndefined();
  });
});

describe("annotations of a pod", () => {
  const annotated = pod({
    annotations: { team: "shop", "kubectl.kubernetes.io/last": "{}", long: "é".repeat(300_000) },
  });
  const of = (...annotations: string[]) =>
    JSON.parse(readPodDetails(annotated, createIntern(), { annotations }).text).annotations;

  it("are those asked for, and none otherwise", () => {
    expect(of()).toBeUndefined();
    expect(of("missing", "constructor", "team")).toEqual([{ key: "team", value: "shop" }]);
  });

  it("are cut when they are long", () => {
    expect(of("long")).toEqual([{ key: "long", value: `${"é".repeat(1023)}…` }]);
  });
});

describe("details", () => {
  it("are shared by the pods of a workload", () => {
    const intern = createIntern();
    const one = readPodDetails(owned("DaemonSet", "logs"), intern);
    expect(readPodDetails(owned("DaemonSet", "logs"), intern)).toBe(one);
    expect(readPodDetails(owned("DaemonSet", "logs"), createIntern())).toEqual(one);
    const other = readPodDetails(owned("DaemonSet", "logs-2"), intern);
    expect(other.digest).not.toBe(one.digest);
    expect(other.digest).not.toBe(noDetails.digest);
  });
});
