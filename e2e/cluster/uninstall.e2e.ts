// SPDX-License-Identifier: Apache-2.0
// What the chart's hook does before `helm uninstall` deletes the release: the real program with the hook's own
// rights, a real API server and operator. The controllers of DaemonSets and Deployments are played by the test.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import type { ControlPlane } from "./control-plane.ts";
import { createPod, createServiceAccount, deletePod } from "./lib/cluster-objects.ts";
import { guardPolicy } from "./lib/guard-policy.ts";
import {
  operatorNamespace as namespace,
  type OperatorProcess,
  operatorAuthorities,
  startOperator,
} from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { startPreparedControlPlane } from "./lib/sensor-pod.ts";
import { SimulatedNode } from "./lib/simulated-node.ts";
import { until } from "./lib/until.ts";

const root = join(import.meta.dirname, "../..");
let cluster: ControlPlane;
let operator: OperatorProcess;
let node: SimulatedNode;
let rights = "";

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  node = await SimulatedNode.create(cluster, { name: "node-a" });
  operator = startOperator(cluster, {
    name: "operator-1",
    kubeconfig: await grantOperatorRights(cluster),
    flags: ["--webhook-url=https://127.0.0.1:0"],
  });
  await operator.whenServing();
  node.connect(operator.sensorPort, await operatorAuthorities(cluster));
  await apply(guardPolicy({ name: "guard", prefixes: ["/etc/guarded"] }));
  await cluster.kubectl(["wait", "--for=condition=Ready", "tracingpolicy/guard", "--timeout=60s"]);
  await apply(workloads());
  rights = await grantHookRights();
});

afterAll(async () => {
  node?.[Symbol.dispose]();
  await operator?.stop();
  await cluster?.[Symbol.asyncDispose]();
});

const apply = (object: unknown) =>
  cluster.kubectl(["apply", "-f", "-"], {
    input: typeof object === "string" ? object : JSON.stringify(object),
  });

/** The two workloads as the chart has them, as far as the hook is concerned. */
function workloads() {
  const of = (kind: string, name: string, container: string, spec: object) => {
    const labels = { "app.kubernetes.io/name": name };
    const containers = [{ name: container, image: "x", args: ["--log-level=info"] }];
    return {
      ...{ apiVersion: "apps/v1", kind, metadata: { name, namespace } },
      spec: {
        ...spec,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      },
    };
  };
  const items = [
    of("DaemonSet", "gander-sensor", "sensor", {}),
    of("Deployment", "gander-operator", "operator", { replicas: 2 }),
  ];
  return { apiVersion: "v1", kind: "List", items };
}

async function grantHookRights(): Promise<string> {
  const name = "gander-uninstall";
  await createServiceAccount(cluster.client, namespace, name);
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const subjects = [{ kind: "ServiceAccount", name, namespace }];
  const rules = (file: string): unknown =>
    parse(readFileSync(join(root, "charts/gander/rbac", file), "utf8"));
  const [all, here] = [{ name }, { name, namespace }];
  const roleRef = (kind: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind, name });
  const items = [
    { kind: "ClusterRole", metadata: all, rules: rules("uninstall-cluster-rules.yaml") },
    { kind: "ClusterRoleBinding", metadata: all, subjects, roleRef: roleRef("ClusterRole") },
    { kind: "Role", metadata: here, rules: rules("uninstall-namespace-rules.yaml") },
    { kind: "RoleBinding", metadata: here, subjects, roleRef: roleRef("Role") },
  ].map((one) => ({ apiVersion, ...one }));
  await apply({ apiVersion: "v1", kind: "List", items });
  return cluster.serviceAccountKubeconfig(namespace, name);
}

/** Runs the hook's program; gives its status and log. */
async function uninstall(what: "remove" | "keep", timeout: string) {
  const args = [
    join(root, "packages/operator/src/main.ts"),
    ...[`--kubeconfig=${rights}`, `--namespace=${namespace}`],
    ...[`--uninstall=${what}`, `--uninstall-timeout=${timeout}`],
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => {
    log += chunk;
  });
  const [status] = await once(child, "exit");
  return { status, log };
}

const get = async (...args: readonly string[]) =>
  (await cluster.kubectl(["get", ...args, "--ignore-not-found", "--output=name"])).stdout;

const jsonOf = async (name: string) =>
  JSON.parse((await cluster.kubectl(["get", "-n", namespace, name, "-o", "json"])).stdout);

/** What the controller of DaemonSets reports of one node. */
async function reportDaemonSet(ready: number): Promise<void> {
  const { metadata } = await jsonOf("daemonset/gander-sensor");
  const status = {
    observedGeneration: metadata.generation,
    ...{ desiredNumberScheduled: 1, updatedNumberScheduled: ready, numberReady: ready },
    ...{ currentNumberScheduled: 1, numberMisscheduled: 0 },
  };
  await cluster.kubectl([
    ...["patch", "-n", namespace, "daemonset/gander-sensor", "--subresource=status"],
    ...["--type=merge", "-p", JSON.stringify({ status })],
  ]);
}

it("fails and names the node that does not follow, and deletes nothing", async () => {
  await createPod(cluster.client, {
    ...{ namespace, name: "sensor-of-a", node: "node-a", serviceAccount: "gander-sensor" },
    labels: { "app.kubernetes.io/name": "gander-sensor" },
  });
  await cluster.kubectl([
    ...["patch", "-n", namespace, "pod/sensor-of-a", "--subresource=status", "--type=merge", "-p"],
    JSON.stringify({ status: { conditions: [{ type: "Ready", status: "False" }] } }),
  ]);
  await reportDaemonSet(0);
  const { status, log } = await uninstall("remove", "3s");
  expect({ status, log }).toMatchObject({ status: 1 });
  expect(log).toMatch(/some nodes may still enforce policies: node-a/);
  const { spec } = await jsonOf("daemonset/gander-sensor");
  expect(spec.template.spec.containers[0].args).toEqual(["--log-level=info", "--remove-all"]);
  expect(spec.updateStrategy.rollingUpdate.maxUnavailable).toBe("100%");
  expect((await jsonOf("deployment/gander-operator")).spec.replicas).toBe(2);
  expect(await get("validatingwebhookconfigurations")).toContain("gander-policies");
});

it("removes what operators have made, when sensors have removed everything from nodes", async () => {
  await deletePod(cluster.client, namespace, "sensor-of-a");
  await createPod(cluster.client, {
    ...{ namespace, name: "replica", node: "node-a", serviceAccount: "gander-operator" },
    labels: { "app.kubernetes.io/name": "gander-operator" },
  });
  const uninstalling = uninstall("remove", "60s");
  await reportDaemonSet(1);
  await until("the operator is scaled to none", async () => {
    return (await jsonOf("deployment/gander-operator")).spec.replicas === 0;
  });
  expect(await get("-n", namespace, "lease/gander-operator")).not.toBe("");
  await operator.stop();
  await deletePod(cluster.client, namespace, "replica");
  const { status, log } = await uninstalling;
  expect({ status, log }).toMatchObject({ status: 0 });

  // Not added again: this order, too.
  const { spec } = await jsonOf("daemonset/gander-sensor");
  expect(spec.template.spec.containers[0].args).toEqual(["--log-level=info", "--remove-all"]);
  for (const left of [
    ["validatingwebhookconfigurations"],
    ["policystatuses,policystatusesnamespaced", "-A"],
    ["controllerrevisions", "-A", "-l", "app.kubernetes.io/managed-by=gander-operator"],
    ["-n", namespace, "secret/gander-operator-tls"],
    ["-n", namespace, "configmap/gander-operator-ca"],
    ["-n", namespace, "lease/gander-operator"],
  ])
    expect(await get(...left), left.join(" ")).toBe("");
  const { stdout } = await cluster.kubectl(["get", "tracingpolicy/guard", "-o", "json"]);
  const policy = JSON.parse(stdout);
  expect(policy.spec).toBeDefined();
  // As the definition has it until an operator sees the policy.
  expect(policy.status).toEqual({ observedGeneration: -1 });
});

it("is done at once when it is called again, and keeps nodes as they are if it is told so", async () => {
  await cluster.kubectl(["delete", "-n", namespace, "daemonset/gander-sensor"]);
  await apply(workloads());
  const { status, log } = await uninstall("keep", "10s");
  expect({ status, log }).toMatchObject({ status: 0 });
  const { spec } = await jsonOf("daemonset/gander-sensor");
  expect(spec.template.spec.containers[0].args).toEqual(["--log-level=info"]);
});
