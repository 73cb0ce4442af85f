// SPDX-License-Identifier: Apache-2.0
// `gander policy test --cluster` against a real API server and operator. There is no kubelet and no kernel: the test
// says how containers ended, and what a sensor saw.
import { mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { resourcePath, unfenced } from "@gander/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { runCli } from "../../packages/cli/src/cli.ts";
import { SimulatedSensor } from "../../packages/operator/test/simulated-sensor.ts";
import type { ControlPlane } from "./control-plane.ts";
import { createNamespace, createNode, createServiceAccount } from "./lib/cluster-objects.ts";
import {
  type OperatorProcess,
  operatorAuthorities,
  operatorNamespace,
  startOperator,
} from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { createSensorPod, startPreparedControlPlane } from "./lib/sensor-pod.ts";
import { until } from "./lib/until.ts";

const pods = { group: "", version: "v1", plural: "pods", kind: "Pod" };
const files = mkdtempDisposableSync(join(tmpdir(), "gander-policy-test-"));
let cluster: ControlPlane;
let operator: OperatorProcess;
let sensor: SimulatedSensor;
let kubeconfig: string;

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  const rights = await grantOperatorRights(cluster);
  await createNamespace(cluster.client, "probes");
  await createServiceAccount(cluster.client, "probes", "default");
  kubeconfig = await createTester();
  operator = startOperator(cluster, { name: "one", kubeconfig: rights });
  await operator.whenServing();
  await createNode(cluster.client, "node-a", {});
  const { token } = await createSensorPod(cluster, "node-a");
  const ca = await operatorAuthorities(cluster);
  sensor = new SimulatedSensor(operator.sensorPort, "node-a", { token, ca });
  writeFileSync(join(files.path, "policy.yaml"), policy);
  writeFileSync(join(files.path, "gander-test.yaml"), test);
}, 120_000);

afterAll(async () => {
  sensor?.[Symbol.dispose]();
  await operator?.stop();
  await cluster?.[Symbol.asyncDispose]();
  files.remove();
});

const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: accounts }
spec:
  podSelector: { matchLabels: { app: shop } }
  lsmhooks:
    - hook: file_open
      args: [{ index: 0, type: file }]
      selectors:
        - matchArgs: [{ args: [0], operator: Equal, values: [/etc/passwd] }]
          matchActions: [{ action: Override, argError: -1 }]
`;
const test = `apiVersion: gander.dev/v1alpha1
kind: PolicyTest
metadata: { name: accounts }
policies: [policy.yaml]
cases:
  - { name: the list of users, do: { read: /etc/passwd }, expect: denied }
  - { name: another file, do: { read: /etc/hosts }, expect: allowed }
`;

/** With the rights that docs/testing-policies.md names. */
async function createTester(): Promise<string> {
  await createServiceAccount(cluster.client, operatorNamespace, "tester");
  const chart = (name: string) =>
    parse(
      readFileSync(
        join(import.meta.dirname, `../../charts/gander/rbac/${name}-rules.yaml`),
        "utf8",
      ),
    );
  const kinds = ["tracingpolicies", "tracingpoliciesnamespaced"];
  const rules = [
    ...chart("view"),
    ...chart("events"),
    { apiGroups: [""], resources: ["configmaps"], verbs: ["get"] },
    { apiGroups: [""], resources: ["pods"], verbs: ["create", "get", "delete"] },
    { apiGroups: ["cilium.io"], resources: kinds, verbs: ["create", "delete"] },
  ];
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const metadata = { name: "gander-tester" };
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", ...metadata };
  const subjects = [{ kind: "ServiceAccount", name: "tester", namespace: operatorNamespace }];
  const items = [
    { apiVersion, kind: "ClusterRole", metadata, rules },
    { apiVersion, kind: "ClusterRoleBinding", metadata, roleRef, subjects },
  ];
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  await cluster.kubectl(["apply", "--filename", "-"], { input });
  return cluster.serviceAccountKubeconfig(operatorNamespace, "tester");
}

function gander(...more: readonly string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const { signal } = new AbortController();
  const args = [
    ...["policy", "test", "--cluster=probes", "--settle=0s", `--operator=${operator.apiAddress}`],
    ...[`--kubeconfig=${kubeconfig}`, ...more, join(files.path, "gander-test.yaml")],
  ];
  const outputs = Promise.all([text(stdout), text(stderr)]);
  return runCli(args, { stdin, stdout, stderr, env: {}, signal }).then(async (status) => {
    stdout.end();
    stderr.end();
    const [out, err] = await outputs;
    return { status, out: out.replaceAll(`${files.path}/`, ""), err };
  });
}

type Pod = {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly containers: readonly { readonly name: string }[] };
};

async function probe(): Promise<Pod | undefined> {
  const path = resourcePath(pods, { namespace: "probes" });
  const { items } = await cluster.client.get<{ items: readonly Pod[] }>({ task: "list", path });
  return items[0];
}

/** As its sensor: what a copy of the policy reports of a case. */
function report(pod: Pod, container: string): void {
  const { name } = pod.metadata;
  const inPod = { namespace: "probes", name, container: { name: container } };
  sensor.publish(1, {
    body: {
      process_lsm: {
        process: { binary: "/act", pod: inPod },
        ...{ policy_name: `${name}-0`, function_name: "file_open", action: "KPROBE_ACTION_POST" },
      },
    },
  });
}

/** As a kubelet that has run them. */
function end({ metadata, spec }: Pod, exitCodes: readonly number[]) {
  const containerStatuses = spec.containers.map(({ name }, i) => ({
    ...{ name, image: "x", imageID: "x", ready: false, restartCount: 0 },
    state: { terminated: { exitCode: exitCodes[i] ?? 0, containerID: "containerd://0" } },
  }));
  return cluster.client.write({
    ...{ task: "write a status", method: "PATCH", permit: unfenced },
    path: resourcePath(pods, { namespace: "probes", name: metadata.name, subresource: "status" }),
    contentType: "application/merge-patch+json",
    body: { status: { phase: "Succeeded", containerStatuses } },
  });
}

const names = async (kind: string) =>
  (await cluster.kubectl(["get", kind, "--all-namespaces", "--output=name"])).stdout;

describe("tests of policies in a cluster", { timeout: 120_000 }, () => {
  it("are done under a copy of the policy that is for their pod alone, and leave nothing", async () => {
    const ended = gander("--image=sensor:1");
    const pod = await until("the pod is there", probe);
    const copy = JSON.parse(
      (await cluster.kubectl(["get", "tracingpolicies", "--output=json"])).stdout,
    ).items[0];
    const id = pod.metadata.name.replace("gander-test-", "");
    expect(copy.spec).toMatchObject({
      podSelector: { matchLabels: { "gander.dev/policy-test": id } },
      options: [{ name: "policy-mode", value: "monitor" }],
    });
    report(pod, "case-0");
    await end(pod, [0, 0]);
    expect(await ended).toEqual({
      err: "",
      status: 0,
      out: `accounts (gander-test.yaml)
  ok      denied     the list of users
  ok      allowed    another file

1 test, 2 cases: all as expected
`,
    });
    expect(await names("tracingpolicies")).toBe("");
    expect(await probe()).toBeUndefined();
  });

  it("show where the cluster does not do what is said without a kernel", async () => {
    const ended = gander("--image=sensor:1");
    const pod = await until("the pod is there", probe);
    report(pod, "case-1");
    await end(pod, [0, 0]);
    const { status, out } = await ended;
    expect(status).toBe(1);
    expect(out).toContain("WRONG   allowed    the list of users: expected denied");
    expect(out).toContain("DIFFERS: without a kernel it is denied");
    expect(out).toContain("2 cases: 2 not as expected; 2 otherwise than without a kernel");
  });

  it("need an image, and the operator", async () => {
    const none = await gander();
    expect(none).toMatchObject({ status: 2, err: expect.stringContaining("--image") });
    const elsewhere = await gander("--image=sensor:1", "--operator=127.0.0.1:1", "--timeout=2s");
    expect(elsewhere).toMatchObject({ status: 2, err: expect.stringContaining("operator") });
    expect(await names("tracingpolicies")).toBe("");
  });

  it("say which right is missing", async () => {
    await cluster.kubectl(["delete", "clusterrolebinding", "gander-tester"]);
    const { status, err } = await gander("--image=sensor:1");
    expect(status).toBe(2);
    expect(err).toContain("forbidden");
  });
});
