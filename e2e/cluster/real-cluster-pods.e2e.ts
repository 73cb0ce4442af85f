// SPDX-License-Identifier: Apache-2.0
// Pods that come and go, on a whole cluster: each is named from its first process on, and nothing is left of
// it in the sensors. GANDER_E2E_PODS (200) of them, and GANDER_E2E_CHURN_MINUTES (30) of coming and going.
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
/** Pods that run at once: an emulated node starts about one a second. */
const parallelism = 8;
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

/** Runs `script` in `count` pods, one after the other as fast as the cluster can. Resolves with them when all have ended. */
async function runJob(name: string, script: string, count: number): Promise<readonly Pod[]> {
  const container = { name: "work", image: busyboxImage, command: ["sh", "-c", script] };
  const template = {
    metadata: { labels: { app: name } },
    spec: { restartPolicy: "Never", containers: [container] },
  };
  const job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace },
    // Each pod runs once, however it ends.
    spec: {
      ...{ completions: count, parallelism, completionMode: "Indexed", template },
      ...{ backoffLimitPerIndex: 0, maxFailedIndexes: count },
    },
  };
  await cluster.kubectl(["apply", "--filename=-"], { input: JSON.stringify(job) });
  const ended = async () => {
    const found = await podsOf(name);
    return found.filter((pod) => exitCode(pod) !== undefined).length === count && found;
  };
  return until(`${count} pods of ${name} have ended`, ended, {
    timeoutMs: 60_000 + count * 30_000,
    seen: async () =>
      `${(await podsOf(name)).filter((pod) => exitCode(pod) !== undefined).length} have`,
  });
}

async function podsOf(job: string): Promise<readonly Pod[]> {
  const { stdout } = await cluster.kubectl([
    ...["get", "pods", `--namespace=${namespace}`, `--selector=app=${job}`, "--output=json"],
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
  it(`names each of ${podCount} pods at its first process`, async () => {
    await using events = await ClusterEvents.open(cluster, {
      ...{ pods, namespace: gander.namespace },
      args: ["--output=json", "--event-types=PROCESS_EXEC", "-n", "default", "-n", namespace],
    });
    const job = "named";
    const ended = await runJob(job, "exec /bin/echo done", podCount);
    expect(ended).toHaveLength(podCount);
    for (const { metadata, spec } of ended) {
      // The shell is the first program of the container.
      const line = await events.line(new RegExp(`"binary":"/bin/sh".*"name":"${metadata.name}"`));
      const { process, node_name } = JSON.parse(line).process_exec
        ? { ...JSON.parse(line).process_exec, node_name: JSON.parse(line).node_name }
        : {};
      expect({ node_name, pod: process.pod }).toMatchObject({
        node_name: spec.nodeName,
        pod: {
          ...{ namespace, name: metadata.name, uid: metadata.uid },
          ...{ workload: job, workload_kind: "Job" },
          pod_labels: { app: job },
          container: { name: "work", image: { name: busyboxImage } },
        },
      });
    }
    await cluster.kubectl(["delete", "job", job, `--namespace=${namespace}`]);
  });

  it(`holds each of ${podCount} pods until its policy is in force`, async () => {
    const guard = (app: string) =>
      guardPolicy({ name: app, prefixes: ["/etc/bar"], podLabels: { app } });
    const apps = ["without-hold", "with-hold"] as const;
    const attack = "echo x >> /etc/bar; echo landed";
    for (const app of apps) {
      await cluster.kubectl(["apply", "--filename=-"], { input: guard(app) });
      if (app === "with-hold") {
        await gander.upgrade("sensor.newPods=hold", "sensor.newPodsLimit=5m");
        await gander.rolledOut();
      }
      const ended = await runJob(app, attack, podCount);
      const killed = ended.filter((pod) => exitCode(pod) === 137).length;
      console.log(`${app}: ${killed} of ${podCount} killed, over after ${startDelays(ended)} s`);
      if (app === "with-hold") expect(killed).toBe(podCount);
      await cluster.kubectl(["delete", "job", app, `--namespace=${namespace}`]);
      await cluster.kubectl(["delete", "tracingpolicy", app]);
    }
    for (const sensor of await gander.sensorPods())
      expect(await metricsOf(sensor)).toMatchObject({ gander_early_processes_total: 0 });
  });

  it(`keeps nothing of what came and went in ${churnMinutes} minutes`, async () => {
    const sensors = await gander.sensorPods();
    const names = ["tetragon_process_cache_size", "gander_cgroups"];
    const before = await Promise.all(sensors.map(metricsOf));
    const end = performance.now() + churnMinutes * 60_000;
    let [round, total] = [0, 0];
    const memory: number[][] = sensors.map(() => []);
    while (performance.now() < end) {
      round += 1;
      const job = `churn-${round}`;
      total += (await runJob(job, "for i in 1 2 3 4 5; do /bin/true; done", 2 * parallelism))
        .length;
      await cluster.kubectl(["delete", "job", job, `--namespace=${namespace}`]);
      for (const [index, sensor] of sensors.entries()) {
        const { process_resident_memory_bytes: bytes } = await metricsOf(sensor);
        memory[index]?.push(megabytes(bytes));
      }
    }
    for (const [index, sensor] of sensors.entries()) {
      const used = memory[index] ?? [];
      const shown = used.map((one) => one.toFixed(0)).join(" ");
      console.log(`${sensor.spec.nodeName}: ${total} pods; MiB after each round: ${shown}`);
      expect(Math.max(...used)).toBeLessThanOrEqual(128);
      const first = before[index] ?? {};
      // Processes are kept for some seconds after their end.
      const backTo = async () => {
        const now = await metricsOf(sensor);
        return names.every((name) => (now[name] ?? Number.NaN) <= (first[name] ?? 0) + 10);
      };
      await until("the sensor has forgotten what ended", backTo, {
        seen: async () => JSON.stringify({ first, now: await metricsOf(sensor) }),
      });
      expect(await metricsOf(sensor)).toMatchObject({
        tetragon_process_cache_misses_total: first.tetragon_process_cache_misses_total,
        tetragon_process_cache_evictions_total: 0,
      });
    }
    expect((await gander.sensorPods()).map(({ metadata }) => metadata.uid).sort()).toEqual(
      sensors.map(({ metadata }) => metadata.uid).sort(),
    );
  });
});
