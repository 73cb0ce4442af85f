// SPDX-License-Identifier: Apache-2.0
// Fuses in a cluster: which nodes say that one is blown, how that shows, and how a person arms them again. The sensors
// are simulated: they speak the real protocol. The operator has only the chart's rights.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ControlPlane } from "./control-plane.ts";
import {
  type OperatorProcess,
  operatorAuthorities,
  startOperator,
} from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { startPreparedControlPlane } from "./lib/sensor-pod.ts";
import { SimulatedNode } from "./lib/simulated-node.ts";
import { until } from "./lib/until.ts";

let cluster: ControlPlane;
let operator: OperatorProcess;
let kubeconfig: string;
const nodes: SimulatedNode[] = [];

/** Nodes whose kernels have a blown fuse, with the re-arming that each knew then. */
const blown = new Map<string, string>();

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  kubeconfig = await grantOperatorRights(cluster);
  operator = startOperator(cluster, { name: "operator-1", kubeconfig });
  await operator.whenServing();
  const ca = await operatorAuthorities(cluster);
  for (const name of ["node-1", "node-2", "node-3"]) {
    const node = await SimulatedNode.create(cluster, { name });
    node.answer = ({ generation, fuseRearmed }) => {
      const known = blown.get(name);
      if (known !== undefined && fuseRearmed !== "" && fuseRearmed !== known) blown.delete(name);
      return blown.has(name)
        ? {
            ...({ state: "POLICY_STATE_DEGRADED", code: "fuse-blown" } as const),
            message: "the fuse (5 pods in 1m) is blown",
            running_generation: String(generation),
          }
        : undefined;
    };
    node.connect(operator.sensorPort, ca);
    nodes.push(node);
  }
});

afterAll(async () => {
  for (const node of nodes) node[Symbol.dispose]();
  await operator?.stop();
  await cluster?.[Symbol.asyncDispose]();
});

const policy = (annotations: Readonly<Record<string, string>>) => ({
  apiVersion: "cilium.io/v1alpha1",
  kind: "TracingPolicy",
  metadata: { name: "fused", annotations },
  spec: {
    lsmhooks: [
      {
        hook: "bprm_check_security",
        args: [{ index: 0, type: "linux_binprm" }],
        selectors: [
          {
            matchArgs: [{ index: 0, operator: "Postfix", values: ["/sh"] }],
            matchActions: [{ action: "Sigkill" }],
          },
        ],
      },
    ],
  },
});

const apply = (annotations: Readonly<Record<string, string>>) =>
  cluster.kubectl(["apply", "--filename", "-"], { input: JSON.stringify(policy(annotations)) });

const annotate = (...annotations: readonly string[]) =>
  cluster.kubectl(["annotate", "tracingpolicy", "fused", "--overwrite", ...annotations]);

/** `False FuseBlown: …` of the PolicyStatus. */
async function ready(): Promise<string> {
  const path = '{range .status.conditions[?(@.type=="Ready")]}{.status} {.reason}: {.message}{end}';
  const what = ["get", "policystatus", "fused", "--ignore-not-found", `--output=jsonpath=${path}`];
  return (await cluster.kubectl(what)).stdout;
}

async function becomes(expected: RegExp, timeoutMs = 20_000): Promise<string> {
  let last = "";
  return until(
    `the status is ${expected}`,
    async () => {
      last = await ready();
      return expected.test(last) ? last : undefined;
    },
    { timeoutMs, seen: () => last },
  );
}

const fuses = () =>
  nodes.map(({ policies }) => {
    const [one] = [...policies.values()];
    return one && [one.fuse, one.fuseRearmed];
  });

const events = async () =>
  (
    await cluster.kubectl([
      ...["get", "events", "--namespace=default"],
      '--output=jsonpath={range .items[?(@.involvedObject.name=="fused")]}{.type}/{.reason} {end}',
    ])
  ).stdout;

it("goes to all nodes with its policy, and again when it changes alone", async () => {
  await apply({ "gander.dev/fuse": "5 pods in 1m" });
  await becomes(/^True AllNodesReady/);
  expect(fuses()).toEqual(nodes.map(() => ["5 pods in 1m", ""]));
  await annotate("gander.dev/fuse=off");
  await until("all nodes have it", async () =>
    fuses().every((fuse) => fuse?.[0] === "off") ? true : undefined,
  );
  await annotate("gander.dev/fuse=5 pods in 1m");
  await until("all nodes have it", async () =>
    fuses().every((fuse) => fuse?.[0] === "5 pods in 1m") ? true : undefined,
  );
  await becomes(/^True AllNodesReady/);
});

it("that is blown shows within 2 s, with the names of the nodes, in the status and as an Event", async () => {
  // A status is written every 2 s at most: the last one is older.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  blown.set("node-1", "").set("node-3", "");
  const began = performance.now();
  for (const node of nodes) node.answerAgain();
  const message = await becomes(/^False FuseBlown/);
  const tookMs = performance.now() - began;
  console.log(`shown after ${Math.round(tookMs)} ms`);
  expect(tookMs).toBeLessThan(2_000);
  expect(message).toMatch(/It only monitors on node-1; node-3, because its fuse is blown there/);
  expect(message).toMatch(/gander\.dev\/fuse-rearmed/);
  const { stdout } = await cluster.kubectl(["get", "policystatus", "fused"]);
  expect(stdout).toMatch(/FuseBlown/);
  await until("there is an Event", async () =>
    (await events()).includes("Warning/FuseBlown") ? true : undefined,
  );
});

it("stays blown when the operator starts again", async () => {
  await operator.stop();
  for (const node of nodes) node.disconnect();
  operator = startOperator(cluster, { name: "operator-2", kubeconfig });
  await operator.whenServing();
  const ca = await operatorAuthorities(cluster);
  // One node is away for a while.
  for (const node of nodes.slice(0, 2)) node.connect(operator.sensorPort, ca);
  expect(await becomes(/^False FuseBlown.*3 nodes/)).toMatch(/only monitors on node-1/);
});

it("is armed again by an annotation, also on a node that was away", async () => {
  await annotate("gander.dev/fuse-rearmed=2026-11-23T12:00:00Z");
  await becomes(/^False NodesDisconnected/);
  expect([...blown.keys()]).toEqual(["node-3"]);
  expect(await events()).not.toContain("FuseRearmed");
  nodes[2]?.connect(operator.sensorPort, await operatorAuthorities(cluster));
  await becomes(/^True AllNodesReady/);
  expect([...blown.keys()]).toEqual([]);
  await until("there is an Event", async () =>
    (await events()).includes("Normal/FuseRearmed") ? true : undefined,
  );
});

it("with a text that is none, stored without a webhook, shows in the status; the policy enforces", async () => {
  await annotate("gander.dev/fuse=a few pods");
  expect(await becomes(/Not understood/)).toMatch(
    /^True AllNodesReady: .*fuse.*"a few pods" is not a number of pods in a time/,
  );
  expect(nodes.map((node) => node.generationOf("fused"))).toEqual([1, 1, 1]);
  expect(fuses().map((fuse) => fuse?.[0])).toEqual(["off", "off", "off"]);
});
