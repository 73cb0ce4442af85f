// SPDX-License-Identifier: Apache-2.0
// The operator's metrics, after real events.

import { afterAll, beforeAll, expect, it } from "vitest";
import { TestSensor } from "../../packages/operator/test/test-sensor.ts";
import type { ControlPlane } from "./control-plane.ts";
import { createNode } from "./lib/cluster-objects.ts";
import {
  type OperatorProcess,
  operatorAuthorities,
  startOperator,
} from "./lib/operator-process.ts";
import { createSensorPod, startPreparedControlPlane } from "./lib/sensor-pod.ts";

let cluster: ControlPlane;
let operator: OperatorProcess;

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  for (const node of ["node-a", "node-b"]) await createNode(cluster.client, node);
  operator = startOperator(cluster, { name: "operator-1" });
  await operator.whenServing();
});

afterAll(async () => {
  await operator?.stop();
  await cluster?.[Symbol.asyncDispose]();
});

async function connect(node: string): Promise<TestSensor> {
  const { token } = await createSensorPod(cluster, node);
  const sensor = new TestSensor(operator.sensorPort, token, await operatorAuthorities(cluster));
  sensor.hello({ node });
  return sensor;
}

async function scrape(): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`${operator.health}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const at = (line: string) => line.lastIndexOf(" ");
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, at(line)), Number(line.slice(at(line)))]),
  );
}

const policy = JSON.stringify({
  apiVersion: "cilium.io/v1alpha1",
  kind: "TracingPolicy",
  metadata: { name: "guard" },
  spec: { kprobes: [{ call: "fd_install", syscall: false }] },
});

it("count sensors, nodes by state, answers and requests", async () => {
  await cluster.kubectl(["apply", "--filename", "-"], { input: policy });
  using sensor = await connect("node-a");
  const nodes = (state: string) =>
    `gander_operator_policy_nodes{policy="guard",policy_namespace="",state="${state}"}`;
  // One node is ready, the other has no sensor.
  void (async () => {
    for (;;) sensor.ack((await sensor.version()).commit);
  })().catch(() => {});
  await expect.poll(scrape, { timeout: 30_000 }).toMatchObject({
    gander_operator_leader: 1,
    gander_operator_sensors_connected: 1,
    'gander_operator_objects{kind="nodes"}': 2,
    'gander_operator_objects{kind="policies"}': 1,
    [nodes("ready")]: 1,
    [nodes("disconnected")]: 1,
    [nodes("failed")]: 0,
    'gander_kube_watch_synced{resource="pods"}': 1,
  });
  const found = await scrape();
  const sent = found.gander_operator_versions_sent_total ?? 0;
  expect(sent).toBeGreaterThan(0);
  // One answer may be under way.
  expect([sent, sent - 1]).toContain(found.gander_operator_answer_seconds_count);
  expect(found['gander_kube_requests_total{method="GET",code="200"}']).toBeGreaterThan(3);
  expect(found.process_resident_memory_bytes).toBeGreaterThan(1e6);
});

it("say no more of a policy that is gone", async () => {
  await cluster.kubectl(["delete", "tracingpolicy", "guard"]);
  await expect
    .poll(async () => Object.keys(await scrape()).join(), { timeout: 30_000 })
    .not.toContain('policy="guard"');
});
