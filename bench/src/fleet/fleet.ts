// SPDX-License-Identifier: Apache-2.0
// The operator's cost: `bench/fleet [--nodes N] [--pods N] [--policies N] [--rounds N] [--json FILE]`.
// A real etcd and API server, the operator as installed, and simulated sensors; all share this machine.
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createObject, unfenced } from "@gander/kube";
import { type ControlPlane, startControlPlane } from "../../../e2e/cluster/control-plane.ts";
import {
  createNamespace,
  createNode,
  createServiceAccount,
} from "../../../e2e/cluster/lib/cluster-objects.ts";
import {
  installCrds,
  type OperatorProcess,
  operatorAuthorities,
  operatorNamespace,
  startOperator,
} from "../../../e2e/cluster/lib/operator-process.ts";
import { sensorAccount } from "../../../e2e/cluster/lib/sensor-pod.ts";
import { formatFigures } from "../report.ts";
import { Samples } from "../samples.ts";
import type { Question, Told } from "./sensors.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "200" },
    pods: { type: "string" },
    policies: { type: "string", default: "200" },
    rounds: { type: "string", default: "5" },
    json: { type: "string" },
  },
});
const nodes = Number(values.nodes);
const pods = Number(values.pods ?? 30 * nodes);
const policies = Number(values.policies);
const rounds = Number(values.rounds);
const log = (text: string) => process.stderr.write(`fleet: ${text}\n`);
const writer = { permit: unfenced, fieldManager: "gander-bench" };
const core = { group: "", version: "v1" };
const timeoutMs = 1_800_000;
/** About 2 KB as sent to sensors. */
const paths = Array.from({ length: 40 }, (_, i) => `/srv/some/directory/with/a/name/${i}/`);
const containers = [{ name: "main", image: "example.com/main:1" }];
/** The policy without selectors, which every sensor has. */
let everywhere: Question = { name: "p-0", generation: 1 };

await using cluster = await startControlPlane();
log(`${nodes} nodes, ${pods} pods, ${policies} policies`);
await installCrds(cluster);
await createNamespace(cluster.client, operatorNamespace);
await createNamespace(cluster.client, "apps");
await createServiceAccount(cluster.client, operatorNamespace, "gander-sensor");
const tokens = await makeNodes(cluster);
await makePods(cluster);
for (let i = 0; i < policies; i++) await apply(cluster, i, 0);

const samples = new Samples();
let operator = startOperator(cluster, { name: "measured" });
await operator.whenServing(timeoutMs);
const ca = await operatorAuthorities(cluster);
const tokenFile = join(cluster.directory, "tokens.json");
writeFileSync(tokenFile, JSON.stringify(tokens));
using sensors = startSensors();

log("all sensors connect at once");
await connectAll("connect", "all sensors connect at once, until all have answered", operator);
await settled();
samples.add("memory", rssOf(operator), {
  what: "resident, with everything and all sensors",
  unit: "bytes",
  bar: 2 ** 30,
});
for (let round = 1; round <= rounds; round++) {
  log(`a change for all: ${round} of ${rounds}`);
  await changeForAll(round);
  await settled();
}
log("the operator is killed, and started again");
await operator.stop("SIGKILL");
operator = startOperator(cluster, { name: "measured" });
await operator.whenServing(timeoutMs);
await connectAll("reconnect", "the operator was killed: all sensors connect again", operator);
await operator.stop();

const figures = samples.figures();
console.log(`\nOne operator, ${nodes} sensors, ${pods} pods, ${policies} policies\n`);
console.log(formatFigures(figures));
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ nodes, pods, policies, figures }, null, 2)}\n`);

async function connectAll(id: string, what: string, to: OperatorProcess): Promise<void> {
  const start = Date.now();
  const cpu = cpuMsOf(to);
  sensors.send({ connect: { port: to.sensorPort, ca, tokens: tokenFile } });
  const { answeredAt, sent, received } = await sensors.ask(everywhere);
  const last = Math.max(...answeredAt);
  samples.add(id, (last - start) * 1e6, { what, unit: "ns", bar: 15e9 });
  samples.add(`${id}.cpu`, (cpuMsOf(to) - cpu) * 1e6, {
    what: "… CPU of the operator",
    unit: "ns",
  });
  samples.add(`${id}.received`, received / nodes, { what: "… bytes to a sensor", unit: "bytes" });
  samples.add(`${id}.sent`, sent / nodes, { what: "… bytes from a sensor", unit: "bytes" });
}

/** Changes the policy that applies to everything. */
async function changeForAll(round: number): Promise<void> {
  const requests = await requestsSoFar(cluster);
  const cpu = cpuMsOf(operator);
  const { generation, at } = await apply(cluster, 0, round);
  everywhere = { name: "p-0", generation };
  const { answeredAt, sent, received } = await sensors.ask(everywhere);
  const took = answeredAt.map((time) => time - at).sort((a, b) => a - b);
  const part = (share: number) => (took[Math.ceil(share * took.length) - 1] ?? Number.NaN) * 1e6;
  const what = "a policy for all changes, from the API server's answer until a sensor's answer";
  samples.add("change.p50", part(0.5), { what: `${what}, p50`, unit: "ns" });
  samples.add("change.p99", part(0.99), { what: "… p99", unit: "ns" });
  // 300 ms: the longest time for which changes are gathered.
  samples.add("change.last", part(1), { what: "… the last", unit: "ns", bar: 800e6 });
  await settled();
  samples.add("change.cpu", (cpuMsOf(operator) - cpu) * 1e6, {
    what: "… CPU of the operator, with what the status takes",
    unit: "ns",
  });
  samples.add("change.received", received / nodes, { what: "… bytes to a sensor", unit: "bytes" });
  samples.add("change.sent", sent / nodes, { what: "… bytes from a sensor", unit: "bytes" });
  samples.add("change.requests", (await requestsSoFar(cluster)) - requests, {
    what: "… requests to the API server, with the one of the change",
    unit: "events",
  });
}

/** The operator writes statuses at most every two seconds. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 6_000));
}

function startSensors() {
  const child = fork(join(import.meta.dirname, "sensors.ts"));
  return {
    send: (message: object) => void child.send(message),
    async ask(question: Question): Promise<Told> {
      const answer = once(child, "message");
      child.send({ question });
      const [told] = (await answer) as [Told];
      return told;
    },
    [Symbol.dispose]: () => child.disconnect(),
  };
}

async function apply(to: ControlPlane, number: number, round: number) {
  const labels = { app: `app-${number}` };
  const object = {
    apiVersion: "cilium.io/v1alpha1",
    kind: "TracingPolicy",
    metadata: { name: `p-${number}` },
    spec: {
      ...(number > 0 && { podSelector: { matchLabels: labels } }),
      kprobes: [
        {
          call: "security_file_permission",
          syscall: false,
          args: [{ index: 0, type: "file" }],
          selectors: [
            {
              matchArgs: [
                { index: 0, operator: "Prefix", values: [`/version/${round}/`, ...paths] },
              ],
            },
          ],
        },
      ],
    },
  };
  const { stdout } = await to.kubectl(
    ["apply", "-f", "-", "-o", "jsonpath={.metadata.generation}"],
    {
      input: JSON.stringify(object),
    },
  );
  return { generation: Number(stdout), at: Date.now() };
}

async function makeNodes(to: ControlPlane): Promise<Record<string, string>> {
  const made: Record<string, string> = {};
  const pod = { ...core, plural: "pods", kind: "Pod" };
  await inParallel("nodes", nodes, async (i) => {
    const name = `node-${i}`;
    await createNode(to.client, name);
    const object = {
      metadata: { namespace: operatorNamespace, name: `sensor-${i}` },
      spec: { nodeName: name, serviceAccountName: "gander-sensor", containers },
    };
    type Answer = { readonly metadata: { readonly name: string; readonly uid: string } };
    const { metadata } = await createObject<Answer>(to.client, pod, object, writer);
    made[name] = await to.token({
      ...sensorAccount,
      expirationSeconds: 86_400,
      boundPod: metadata,
    });
  });
  return made;
}

async function makePods(to: ControlPlane): Promise<void> {
  const pod = { ...core, plural: "pods", kind: "Pod" };
  await inParallel("pods", pods, async (i) => {
    const labels = { app: `app-${i % 1500}`, "pod-template-hash": `${i % 15_000}` };
    const object = {
      metadata: { namespace: "apps", name: `pod-${i}`, labels },
      spec: { nodeName: `node-${i % nodes}`, containers },
    };
    await createObject(to.client, pod, object, writer);
  });
}

async function inParallel(what: string, total: number, task: (i: number) => Promise<void>) {
  let next = 0;
  const work = async () => {
    for (let i = next++; i < total; i = next++) {
      await task(i);
      if ((i + 1) % 5_000 === 0) log(`${i + 1} of ${total} ${what}`);
    }
  };
  await Promise.all(Array.from({ length: 32 }, work));
}

/** Requests for objects, without Leases: those are renewed all the time. */
async function requestsSoFar(of: ControlPlane): Promise<number> {
  const { stdout } = await of.kubectl(["get", "--raw", "/metrics"]);
  return stdout.split("\n").reduce((sum, line) => {
    const counts = /^apiserver_request_total\{.*resource="([a-z]+)".*\} (\d+)/.exec(line);
    return counts === null || counts[1] === "leases" ? sum : sum + Number(counts[2]);
  }, 0);
}

function cpuMsOf({ pid }: OperatorProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  // Ticks of 10 ms, in user space and in the kernel.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function rssOf({ pid }: OperatorProcess): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) * 1024;
}
