// SPDX-License-Identifier: Apache-2.0
// Pods that come and go, on a whole cluster: each is named from its first process on, held until its policy is
// in force, and nothing is left of it in the sensors. At least GANDER_E2E_PODS (200), and for at least
// GANDER_E2E_CHURN_MINUTES (30).
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guardPolicy } from "./lib/guard-policy.ts";
import { until } from "./lib/until.ts";
import { ClusterEvents } from "./real-cluster/cluster-events.ts";
import { GanderRelease, type SensorPod } from "./real-cluster/gander-release.ts";
import { busyboxImage } from "./real-cluster/images.ts";
import { RealCluster } from "./real-cluster/real-cluster.ts";
import { TestPods } from "./real-cluster/test-pods.ts";

const podCount = Number(process.env.GANDER_E2E_PODS ?? 200);
const churnMinutes = Number(process.env.GANDER_E2E_CHURN_MINUTES ?? 30);
/** Pods that run at once: two emulated nodes start some ten a minute. */
const parallelism = 8;
/** Pods of a job, which is deleted when all have ended. */
const waveSize = Math.min(podCount, 3 * parallelism);
const namespace = "short-lived";
const metricsPort = 2112;

let cluster: RealCluster;
let gander: GanderRelease;
let pods: TestPods;

beforeAll(async () => {
  const onStep = (step: string) =>
    console.log(`${(performance.now() / 1000).toFixed(1)} s  ${step}`);
  const nodes = [
    { name: "node-612", kernel: "6.12" },
    { name: "node-61", kernel: "6.1" },
  ];
  cluster = await RealCluster.start(nodes, { onStep });
  pods = await TestPods.create(cluster);
  await cluster.kubectl(["create", "namespace", namespace]);
  gander = await GanderRelease.install(cluster, [
    "sensor.prometheus.enabled=true",
    `sensor.prometheus.port=${metricsPort}`,
  ]);
}, 1_800_000);
afterAll(async () => {
  // Another cluster goes on after these tests.
  if (cluster?.directory === undefined) {
    await gander?.uninstall();
    await cluster?.kubectl(["delete", "namespace", namespace]);
  }
  await cluster?.[Symbol.asyncDispose]();
}, 1_200_000);

type Pod = {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly containerStatuses?: readonly {
      readonly state: {
        readonly terminated?: { readonly exitCode: number; readonly finishedAt: string };
      };
    }[];
    readonly conditions?: readonly { readonly type: string; readonly lastTransitionTime: string }[];
  };
};

/** Writes to the guarded file in `waveSize` pods, as fast as the cluster can start them. Resolves with them when all have ended. */
async function runJob(name: string, app: string): Promise<readonly Pod[]> {
  const script = "echo x >> /etc/bar; echo landed";
  const container = { name: "work", image: busyboxImage, command: ["sh", "-c", script] };
  const template = {
    metadata: { labels: { app } },
    spec: { restartPolicy: "Never", containers: [container] },
  };
  const job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace },
    // Each pod runs once, however it ends.
    spec: {
      ...{ completions: waveSize, parallelism, completionMode: "Indexed", template },
      ...{ backoffLimitPerIndex: 0, maxFailedIndexes: waveSize },
    },
  };
  await cluster.kubectl(["apply", "--filename=-"], { input: JSON.stringify(job) });
  const ended = async () => {
    const found = await podsOf(name);
    return found.filter((pod) => exitCode(pod) !== undefined).length === waveSize && found;
  };
  return until(`${waveSize} pods of ${name} have ended`, ended, {
    timeoutMs: 60_000 + waveSize * 30_000,
    // Each question starts a kubectl, which takes its time from the nodes.
    everyMs: 3_000,
    seen: async () =>
      `${(await podsOf(name)).filter((pod) => exitCode(pod) !== undefined).length} have`,
  });
}

async function podsOf(job: string): Promise<readonly Pod[]> {
  const { stdout } = await cluster.kubectl([
    ...["get", "pods", `--namespace=${namespace}`, `--selector=job-name=${job}`, "--output=json"],
  ]);
  return JSON.parse(stdout).items;
}

const exitCode = ({ status }: Pod) => status.containerStatuses?.[0]?.state.terminated?.exitCode;

/** From being scheduled to the end of the container's first process: least, middle, most. The API server has whole seconds. */
function startDelays(pods: readonly Pod[]): string {
  const seconds = pods
    .map(({ status }) => {
      const scheduled = status.conditions?.find(({ type }) => type === "PodScheduled");
      const ended = status.containerStatuses?.[0]?.state.terminated?.finishedAt;
      return (Date.parse(ended ?? "") - Date.parse(scheduled?.lastTransitionTime ?? "")) / 1000;
    })
    .sort((a, b) => a - b);
  return [0, 0.5, 1].map((part) => seconds[Math.floor(part * (seconds.length - 1))]).join(", ");
}

type Metrics = Readonly<Record<string, number>>;

async function metricsOf({ metadata }: SensorPod): Promise<Metrics> {
  const pod = `${metadata.name}:${metricsPort}`;
  const path = `/api/v1/namespaces/${gander.namespace}/pods/${pod}/proxy/metrics`;
  const { stdout } = await cluster.kubectl(["get", "--raw", path]);
  const lines = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

const megabytes = (bytes = Number.NaN) => bytes / 2 ** 20;

describe("pods that come and go", { timeout: 7_200_000 }, () => {
  it(`waits for no policy without hold, ${waveSize} pods`, async () => {
    const app = "without-hold";
    await cluster.kubectl(["apply", "--filename=-"], { input: guard(app) });
    const ended = await runJob("first", app);
    console.log(
      `${app}: ${killed(ended)} of ${waveSize} killed, over after ${startDelays(ended)} s`,
    );
    await removeJob("first");
    await cluster.kubectl(["delete", "tracingpolicy", app]);
  });

  it(`names and holds each of ${podCount} pods and more for ${churnMinutes} minutes, and keeps nothing of them`, async () => {
    const app = "with-hold";
    await gander.upgrade("sensor.newPods=hold", "sensor.newPodsLimit=5m");
    await gander.rolledOut();
    await cluster.kubectl(["apply", "--filename=-"], { input: guard(app) });
    await using events = await ClusterEvents.open(cluster, {
      ...{ pods, namespace: gander.namespace },
      args: ["--output=json", "--event-types=PROCESS_EXEC", "-n", "default", "-n", namespace],
    });
    const sensors = await gander.sensorPods();
    const before = await Promise.all(sensors.map(metricsOf));
    const memory: number[][] = sensors.map(() => []);
    const start = performance.now();
    let total = 0;
    while (total < podCount || performance.now() - start < churnMinutes * 60_000) {
      const job = `wave-${total}`;
      const ended = await runJob(job, app);
      total += ended.length;
      for (const pod of ended) await namedAtItsFirstProcess(pod, { job, app, events });
      for (const [index, sensor] of sensors.entries()) {
        const { process_resident_memory_bytes: bytes } = await metricsOf(sensor);
        memory[index]?.push(megabytes(bytes));
      }
      const used = memory.map((one) => `${one.at(-1)?.toFixed(0)} MiB`).join(", ");
      const minutes = ((performance.now() - start) / 60_000).toFixed(0);
      console.log(
        `${total} pods in ${minutes} min; ${killed(ended)} of the last ${waveSize} killed, over after ${startDelays(ended)} s; sensors: ${used}`,
      );
      expect(killed(ended)).toBe(ended.length);
      await removeJob(job);
    }
    await cluster.kubectl(["delete", "tracingpolicy", app]);
    for (const [index, sensor] of sensors.entries())
      await keptNothing(sensor, before[index] ?? {}, memory[index] ?? []);
    // No sensor was started anew.
    expect((await gander.sensorPods()).map(({ metadata }) => metadata.uid).sort()).toEqual(
      sensors.map(({ metadata }) => metadata.uid).sort(),
    );
  });
});

const guard = (app: string) =>
  guardPolicy({ name: app, prefixes: ["/etc/bar"], podLabels: { app } });
const killed = (ended: readonly Pod[]) => ended.filter((pod) => exitCode(pod) === 137).length;

const removeJob = (name: string) =>
  cluster.kubectl(["delete", "job", name, `--namespace=${namespace}`]);

async function namedAtItsFirstProcess(
  { metadata, spec }: Pod,
  { job, app, events }: { job: string; app: string; events: ClusterEvents },
): Promise<void> {
  // The shell is the first program of the container.
  const line = await events.line(new RegExp(`"binary":"/bin/sh".*"name":"${metadata.name}"`));
  const { process_exec: exec, node_name } = JSON.parse(line);
  expect({ node_name, pod: exec?.process.pod }).toMatchObject({
    node_name: spec.nodeName,
    pod: {
      ...{ namespace, name: metadata.name, uid: metadata.uid },
      ...{ workload: job, workload_kind: "Job" },
      pod_labels: { app },
      container: { name: "work", image: { name: busyboxImage } },
    },
  });
}

async function keptNothing(
  sensor: SensorPod,
  before: Metrics,
  memory: readonly number[],
): Promise<void> {
  const shown = memory.map((one) => one.toFixed(0)).join(" ");
  console.log(`${sensor.spec.nodeName}: MiB after each wave: ${shown}`);
  expect(Math.max(...memory)).toBeLessThanOrEqual(128);
  // Cgroups are kept for a minute after their end, and the runtime removes them late.
  const backTo = async () => {
    const now = await metricsOf(sensor);
    const names = ["tetragon_process_cache_size", "gander_cgroups"];
    return names.every((name) => (now[name] ?? Number.NaN) <= (before[name] ?? 0) + 10);
  };
  await until("the sensor has forgotten what ended", backTo, {
    timeoutMs: 300_000,
    everyMs: 5_000,
    seen: async () => JSON.stringify({ before, now: await metricsOf(sensor) }),
  });
  expect(await metricsOf(sensor)).toMatchObject({
    tetragon_process_cache_misses_total: before.tetragon_process_cache_misses_total,
    gander_early_processes_total: before.gander_early_processes_total,
    tetragon_process_cache_evictions_total: 0,
  });
}
