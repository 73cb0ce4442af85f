// SPDX-License-Identifier: Apache-2.0
// How a sensor comes to trust an operator that is installed at the same time: by the API server, with the
// rights of the chart and no others, and without the volume that a kubelet refreshes minutes later.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { testCertificate } from "../../packages/sensor/test/test-certificate.ts";
import { TestNode } from "../tests/operator-stream/test-node.ts";
import type { ControlPlane } from "./control-plane.ts";
import { createNode } from "./lib/cluster-objects.ts";
import { freePorts } from "./lib/free-ports.ts";
import {
  operatorNamespace as namespace,
  type OperatorProcess,
  startOperator,
} from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { createSensorPod, sensorAccount, startPreparedControlPlane } from "./lib/sensor-pod.ts";
import { until } from "./lib/until.ts";

let cluster: ControlPlane;
let operator: OperatorProcess | undefined;
let port = 0;
let directory = "";
const nodes: TestNode[] = [];

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  [port = 0] = await freePorts(1);
  directory = mkdtempSync(join(tmpdir(), "gander-account-"));
  const { serviceAccount } = sensorAccount;
  writeFileSync(join(directory, "token"), await cluster.token({ namespace, serviceAccount }));
  writeFileSync(join(directory, "ca.crt"), cluster.ca);
});

afterAll(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]();
  await operator?.stop();
  await cluster?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** A sensor of a new node as the chart starts it, at a kubelet that mounts `file` or nothing. */
async function startSensor(name: string, file?: string): Promise<TestNode> {
  await createNode(cluster.client, name);
  const { token } = await createSensorPod(cluster, name);
  const node = new TestNode({ node: name, token, ...(file !== undefined && { ca: file }) });
  nodes.push(node);
  const environment = {
    KUBERNETES_SERVICE_HOST: "127.0.0.1",
    KUBERNETES_SERVICE_PORT: String(cluster.port),
  };
  node.connect({
    port,
    access: {
      caFile: join(node.folder, file === undefined ? "none" : "ca.crt"),
      published: { namespace, name: "gander-operator-ca", environment, directory },
      serverName: `gander-operator.${namespace}.svc`,
    },
    // Those of `gander run`.
    delays: {},
  });
  return node;
}

const connected = (node: TestNode) =>
  until("the sensor is connected", async () => node.status.connected, {
    seen: async () => node.status.lastError,
  });

it("waits without an error, and asks nobody, while no operator listens", async () => {
  const node = await startSensor("waiting");
  await until("it has tried", async () => node.status.lastError !== "");
  expect(node.status.lastError).toMatch(/does not answer: ECONNREFUSED/);
  expect(node.log.filter(({ level }) => level === "error")).toEqual([]);
});

it("says that it lacks the right, if it does", async () => {
  operator = startOperator(cluster, {
    name: "operator-1",
    kubeconfig: await grantOperatorRights(cluster),
    flags: [`--sensor-address=127.0.0.1:${port}`],
  });
  const [node] = nodes;
  await operator.whenServing();
  await until("it is refused", async () => /answers 403/.test(node?.status.lastError ?? ""));
});

it("is connected within ten seconds after the operator serves, with the chart's rights", async () => {
  await operator?.stop();
  const rules: unknown = parse(
    readFileSync(join(import.meta.dirname, "../../charts/gander/rbac/sensor-rules.yaml"), "utf8"),
  );
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const metadata = { name: "gander-sensor", namespace };
  const items = [
    { apiVersion, kind: "Role", metadata, rules },
    {
      ...{ apiVersion, kind: "RoleBinding", metadata },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "gander-sensor" },
      subjects: [{ kind: "ServiceAccount", name: "gander-sensor", namespace }],
    },
  ];
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  await cluster.kubectl(["apply", "-f", "-"], { input });
  for (const name of ["node-b", "node-c", "node-d", "node-e"]) await startSensor(name);
  operator = startOperator(cluster, {
    name: "operator-2",
    kubeconfig: await cluster.serviceAccountKubeconfig(namespace, "gander-operator"),
    flags: [`--sensor-address=127.0.0.1:${port}`],
  });
  await operator.whenServing();
  const from = performance.now();
  await Promise.all(nodes.map(connected));
  const seconds = (performance.now() - from) / 1000;
  console.log(`sensors were connected after ${seconds.toFixed(1)} s`);
  expect(seconds).toBeLessThan(10);
});

it("replaces authorities of an operator that was removed", async () => {
  const other = testCertificate("another authority").certificate;
  await connected(await startSensor("node-f", other));
});
