// SPDX-License-Identifier: Apache-2.0
// What resolving costs: `pnpm --filter @gander/operator measure [NODES] [PODS] [POLICIES]`.
import { hash } from "node:crypto";
import { digestOf } from "@gander/policy/content";
import { createIntern } from "../src/api/intern.ts";
import { readPodDetails } from "../src/api/read-pod-details.ts";
import { bundleDelta } from "../src/bundles/bundle-delta.ts";
import { encodeAssignments, encodeOffers } from "../src/bundles/encode-version.ts";
import { stateDigest } from "../src/bundles/state-digest.ts";
import { type Bundle, Resolver } from "../src/workloads/resolver.ts";
import type { Pod, PodDetails, PolicyRevision } from "../src/workloads/workload.ts";

const [nodes = 5000, pods = 150_000, policies = 200] = process.argv.slice(2).map(Number);
const intern = createIntern();
const resolver = new Resolver();
const memoryMiB = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};
const say = (what: string, figure: string) => console.log(`${what.padEnd(58)} ${figure}`);

function timed(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

/** Median and greatest of single runs, in µs. */
function each(count: number, run: (i: number) => void): string {
  const times = Array.from({ length: count }, (_, i) => timed(() => run(i)) * 1000);
  times.sort((a, b) => a - b);
  const at = (part: number) => (times[Math.floor((times.length - 1) * part)] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} µs, p99 ${at(0.99)} µs, most ${at(1)} µs`;
}

const nodeName = (i: number) => `node-${i % nodes}`;
const nodeLabels = (i: number) => ({ "kubernetes.io/hostname": nodeName(i), pool: `p${i % 8}` });

/** A workload of ten pods, spread over the nodes. */
function podOf(i: number, restarted = 0): Pod {
  const workload = Math.floor(i / 10);
  return {
    uid: `${String(i).padStart(8, "0")}-aaaa-bbbb-cccc-${String(restarted).padStart(12, "0")}`,
    namespace: `team-${workload % 300}`,
    name: `app-${workload}-${i}`,
    node: nodeName(i * 7919),
    labels: {
      app: `app-${workload}`,
      tier: ["web", "api", "db"][workload % 3] ?? "",
      "app.kubernetes.io/part-of": `product-${workload % 50}`,
      "pod-template-hash": (workload * 2_654_435_761).toString(36),
    },
    containers: ["main", "proxy"],
    details: detailsOf(workload),
  };
}

/** As the watch has it: shared by the pods of a workload. */
function detailsOf(workload: number): PodDetails {
  const owner = { kind: "ReplicaSet", name: `app-${workload}-abc`, controller: true };
  const labels = { "pod-template-hash": "abc" };
  const metadata = { ...{ name: "", uid: "", resourceVersion: "" }, labels };
  const digest = hash("sha256", owner.name, "hex");
  const names = ["main", "proxy"];
  const pod = {
    metadata: { ...metadata, ownerReferences: [owner] },
    spec: {
      containers: names.map((name) => ({
        name,
        livenessProbe: { exec: { command: ["/bin/check", `--port=${workload}`] } },
      })),
    },
    status: {
      containerStatuses: names.map((name) => ({
        name,
        imageID: `registry.example.com/team/${name}@sha256:${digest}`,
      })),
    },
  };
  return readPodDetails(pod, intern);
}

/** A tenth for everything, half by a label, the rest by namespace, expression or node. */
function policyOf(i: number, generation = 1): PolicyRevision {
  const digest = digestOf(`${i} ${generation}`);
  const head = { uid: `policy-${String(i).padStart(29, "0")}`, generation, name: `p-${i}`, digest };
  const select = (matchLabels: Record<string, string>, key?: string) => ({
    podSelector: {
      matchLabels,
      matchExpressions:
        key === undefined ? [] : [{ key, operator: "NotIn" as const, values: ["db"] }],
    },
    host: false,
  });
  const of = { ...head, namespace: "", mode: "" as const };
  if (i % 10 === 0) return of;
  if (i % 10 < 6)
    return { ...of, workloads: select({ "app.kubernetes.io/part-of": `product-${i % 50}` }) };
  if (i % 10 < 8) return { ...of, namespace: `team-${i}`, workloads: { host: false } };
  if (i % 10 === 8) return { ...of, workloads: select({}, "tier") };
  const nodeSelector = { matchLabels: { pool: `p${i % 8}` }, matchExpressions: [] };
  return { ...of, workloads: select({ tier: "web" }), nodeSelector };
}

const empty = memoryMiB();
const build = timed(() => {
  for (let i = 0; i < nodes; i++) resolver.putNode(nodeName(i), nodeLabels(i));
  for (let i = 0; i < policies; i++) resolver.putPolicy(policyOf(i));
  for (let i = 0; i < pods; i++) resolver.putPod(podOf(i));
});
say(`full build: ${JSON.stringify(resolver.size)}`, `${build.toFixed(0)} ms`);
const built = memoryMiB();
say("heap: nodes, pods, policies", `${(built - empty).toFixed(0)} MiB`);

const all = () => Array.from({ length: nodes }, (_, i) => resolver.bundle(nodeName(i)) as Bundle);
let bundles: readonly Bundle[] = [];
say(
  "all bundles",
  `${timed(() => {
    bundles = all();
  }).toFixed(0)} ms`,
);
say(
  "heap: a bundle kept for each node, as acknowledged",
  `${(memoryMiB() - built).toFixed(0)} MiB`,
);
say(
  "all state digests",
  `${timed(() => {
    for (const one of bundles) stateDigest(one);
  }).toFixed(0)} ms`,
);

say(
  "one pod restarts (delete, put)",
  each(2000, (i) => {
    resolver.deletePod(podOf(i * 71).uid);
    resolver.putPod(podOf(i * 71, 1));
  }),
);
say(
  "one pod's labels change",
  each(2000, (i) => {
    const pod = podOf(i * 71, 1);
    resolver.putPod({ ...pod, labels: { ...pod.labels, canary: "yes" } });
  }),
);
say(
  "a policy's content changes",
  each(policies, (i) => void resolver.putPolicy(policyOf(i, 2))),
);
say(
  "a policy comes and goes",
  each(policies, (i) => {
    resolver.deletePolicy(policyOf(i).uid);
    resolver.putPolicy(policyOf(i, 3));
  }),
);
say(
  "a node's labels change",
  each(500, (i) => void resolver.putNode(nodeName(i), { pool: "other" })),
);

const before = all();
const changed = resolver.putPolicy(policyOf(0, 4));
let bytes = 0;
const push = timed(() => {
  for (const name of changed) {
    const bundle = resolver.bundle(name) as Bundle;
    const delta = bundleDelta(before[Number(name.slice(5))], bundle);
    stateDigest(bundle);
    for (const message of [
      ...encodeOffers({ epoch: 2, baseEpoch: 1, delta }),
      ...encodeAssignments(delta),
    ])
      bytes += message.length;
  }
});
say(
  `bundle, delta, digest and messages for ${changed.size} nodes`,
  `${push.toFixed(0)} ms, ${(bytes / 1024).toFixed(0)} KiB`,
);
say("resident", `${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`);
