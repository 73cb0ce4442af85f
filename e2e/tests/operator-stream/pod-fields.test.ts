// SPDX-License-Identifier: Apache-2.0
// Every field that events have of a pod: from the API server's objects, through the operator, its stream and
// the sensor, to a client that knows only the published message definitions.
import { join } from "node:path";
import { loadSync, type MethodDefinition, type ServiceDefinition } from "@grpc/proto-loader";
import { expect, it } from "vitest";
import { createIntern } from "../../../packages/operator/src/api/intern.ts";
import type { RawPod } from "../../../packages/operator/src/api/raw-pod.ts";
import { readPod } from "../../../packages/operator/src/api/read-pod.ts";
import type { Pod } from "../../../packages/operator/src/workloads/workload.ts";
import { recordFlags } from "../../../packages/sensor/src/link/abi.gen.ts";
import { buildCgroup, buildExec } from "../../../packages/sensor/test/record-builder.ts";
import { createTestSensor } from "../../../packages/sensor/test/test-sensor.ts";
import { TestNode } from "./test-node.ts";
import { TestOperator } from "./test-operator.ts";

const uid = "0a1b2c3d-1111-2222-3333-0123456789ab";
const containerId = "0123456789abcdef".repeat(4);
const hostile = 'é"\n\u202e</script>';

const raw: RawPod = {
  metadata: {
    ...{ name: "shop-5d4f-x2x", namespace: "web", uid, resourceVersion: "1" },
    labels: { app: "shop", "pod-template-hash": "5d4f" },
    annotations: { "example.com/team": hostile, other: "x" },
    ownerReferences: [{ kind: "ReplicaSet", name: "shop-5d4f", controller: true }],
  },
  spec: {
    nodeName: "a",
    containers: [{ name: "main", livenessProbe: { exec: { command: ["/bin/check", hostile] } } }],
  },
  status: { containerStatuses: [{ name: "main", imageID: "example.com/shop@sha256:12" }] },
};

const facts = {
  ...{ name: "main", image: "example.com/shop:1", imageId: "", podName: "", podNamespace: "" },
  ...{ startedMs: 1_700_000_000_500, isPrivileged: true, runtime: "containerd" },
};

/** The sensor of node `a` after it has received the pod and the node's labels. */
async function sensorThatKnows(pod: Pod) {
  await using operator = await new TestOperator().start();
  const labels = { zone: hostile, pool: "" };
  await operator.hub.push(operator.resolver.putNode("a", labels));
  await operator.hub.push(operator.resolver.putPod(pod));
  await using node = new TestNode();
  node.connect(operator);
  await expect
    .poll(() => node.kernel.versions.at(-1)?.pods.length, { timeout: 15_000, interval: 5 })
    .toBe(1);
  const sensor = createTestSensor({
    nodeName: "a",
    envelope: { clusterName: "prod", nodeLabels: node.keeper.state.nodeLabels },
    bundles: (id) => (id === containerId ? facts : undefined),
  });
  sensor.cgroups.tell(node.kernel.versions.at(-1)?.pods ?? []);
  return sensor;
}

const init = { pid: 1, start: 10n };
const outside = { time: 1n, process: init, parent: { pid: 0, start: 0n } };
const cgroupRecords = [
  buildCgroup({ ...outside, id: 50n, parentId: 1n, path: `/kubepods/pod${uid}` }),
  buildCgroup({ ...outside, id: 51n, parentId: 50n, path: `/kubepods/pod${uid}/${containerId}` }),
];

const exec = (pid: number, args: readonly [string, ...string[]], flags = 0) =>
  buildExec({
    ...{ time: 2n, process: { pid, start: BigInt(pid) }, parent: init, path: "/bin/check" },
    ...{ arguments: args, flags, cgroup: 51n, nsPid: pid - 1000 },
  });

/** Reads GetEventsResponse as a stock client does. */
function published(bytes: Buffer) {
  const file = join(import.meta.dirname, "../published/tetragon.proto");
  const options = { keepCase: true, longs: String, enums: String, defaults: false };
  const service = loadSync(file, options)["tetragon.FineGuidanceSensors"] as ServiceDefinition;
  const { GetEvents } = service as Record<string, MethodDefinition<object, object>>;
  return JSON.parse(JSON.stringify(GetEvents?.responseDeserialize(bytes)));
}

const expected = {
  namespace: "web",
  name: "shop-5d4f-x2x",
  uid,
  container: {
    id: `containerd://${containerId}`,
    name: "main",
    image: { id: "example.com/shop@sha256:12", name: "example.com/shop:1" },
    start_time: "2023-11-14T22:13:20.500Z",
    pid: 7,
    security_context: { privileged: true },
  },
  pod_labels: { app: "shop", "pod-template-hash": "5d4f" },
  workload: "shop",
  workload_kind: "Deployment",
  pod_annotations: { "example.com/team": hostile },
};

it("reaches clients, in JSON and in protobuf", async () => {
  const watched = readPod(raw, createIntern(), { annotations: ["example.com/team"] });
  if (watched === undefined) throw new Error("the pod has a node");
  const { take, messages } = await sensorThatKnows(watched.pod);
  take(...cgroupRecords);
  const flags = recordFlags.RECORD_IN_INIT_TREE;
  const [own] = take(exec(1007, ["/bin/check", hostile], flags));
  const [probe] = take(exec(1008, ["/bin/check", hostile]));
  const probeContainer = { ...expected.container, pid: 8, maybe_exec_probe: true };
  expect(own.process_exec.process.pod).toEqual(expected);
  expect(probe.process_exec.process.pod).toEqual({ ...expected, container: probeContainer });
  const around = {
    node_name: "a",
    cluster_name: "prod",
    node_labels: { zone: hostile, pool: "" },
  };
  expect(own).toMatchObject(around);

  const seconds = { start_time: { seconds: "1700000000", nanos: 500_000_000 } };
  const [ownMessage, probeMessage] = messages.slice(-2).map(published);
  expect(ownMessage).toMatchObject(around);
  expect(ownMessage.process_exec.process.pod).toEqual({
    ...expected,
    container: { ...expected.container, ...seconds, pid: { value: 7 } },
  });
  expect(probeMessage.process_exec.process.pod.container).toEqual({
    ...{ ...probeContainer, ...seconds, pid: { value: 8 } },
  });
});
