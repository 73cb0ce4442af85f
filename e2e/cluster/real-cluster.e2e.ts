// SPDX-License-Identifier: Apache-2.0
// What a user does, on a whole cluster: the charts by helm, policies and pods by kubectl, an upgrade, an
// uninstallation. Each test continues where the one before it ended.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "./lib/until.ts";
import { ClusterEvents } from "./real-cluster/cluster-events.ts";
import { GanderRelease, type SensorPod } from "./real-cluster/gander-release.ts";
import { Inspectors, type Traces } from "./real-cluster/inspectors.ts";
import { RealCluster } from "./real-cluster/real-cluster.ts";
import { TestPods } from "./real-cluster/test-pods.ts";
import { permitUsers, runAs, sessionOf } from "./real-cluster/user-commands.ts";

const root = join(import.meta.dirname, "../..");
const guarded = "/etc/bar";
const policies = [
  "detect-tmp-exec",
  "file-monitoring-filtered",
  "monitor-network-activity-outside-cluster",
];

let cluster: RealCluster;
let gander: GanderRelease;
let pods: TestPods;
let inspectors: Inspectors;
/** Of each node, from before Gander was installed. */
const untouched = new Map<string, Traces>();

beforeAll(async () => {
  const onStep = (step: string) =>
    console.log(`${(performance.now() / 1000).toFixed(1)} s  ${step}`);
  const nodes = [
    { name: "node-612", kernel: "6.12" },
    { name: "node-61", kernel: "6.1" },
  ];
  cluster = await RealCluster.start(nodes, { onStep });
  // Before any policy: they forbid what a starting pod does in /etc on some runtimes.
  [pods, inspectors] = await Promise.all([TestPods.create(cluster), Inspectors.create(cluster)]);
  for (const node of cluster.nodes) untouched.set(node, await inspectors.traces(node));
}, 1_800_000);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
}, 120_000);

const isReady = ({ status }: SensorPod) =>
  status.containerStatuses?.every(({ ready }) => ready) ?? false;
const restarts = (found: readonly SensorPod[]) =>
  found.flatMap(({ status }) => status.containerStatuses ?? []).map((one) => one.restartCount);

/** Lines NAME READY of `kubectl get policystatus`. */
async function policyStatuses(): Promise<string[]> {
  const columns = "custom-columns=NAME:.metadata.name,READY:.status.nodes.readyOfTotal";
  const { stdout } = await cluster.kubectl([
    ...["get", "policystatus", "--no-headers", `--output=${columns}`],
  ]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.replace(/ +/g, " ").trim())
    .sort();
}

const ownKinds =
  "deployments,daemonsets,services,serviceaccounts,roles,rolebindings,pods,jobs,secrets,leases,controllerrevisions";
const globalKinds = "clusterroles,clusterrolebindings,validatingwebhookconfigurations";

async function objects(kinds: string, where: readonly string[]): Promise<string[]> {
  const { stdout } = await cluster.kubectl(["get", kinds, ...where, "--output=name"]);
  return stdout.split("\n").filter((line) => line !== "");
}

async function expectGuarded(): Promise<void> {
  for (const node of cluster.nodes) {
    expect(await pods.run(node, `echo foo >> ${guarded}`)).toMatchObject({ status: 137 });
    expect(await pods.contentOf(node, guarded)).toBe(pods.original(node, guarded));
  }
}

/** Processes try to write to a guarded file all the time, on each node; none may. */
async function underAttack(change: () => Promise<void>): Promise<void> {
  const attacks = cluster.nodes.map((node) => pods.attack(node, guarded));
  await Promise.all(attacks.map((attack) => attack.running));
  await change();
  for (const attack of attacks) {
    const { tried, landed } = await attack.stop();
    console.log(`${attack.node}: ${tried} writes tried, ${landed} landed`);
    expect(tried).toBeGreaterThan(0);
    expect(landed).toBe(0);
  }
}

describe("Gander in a cluster", { timeout: 1_800_000 }, () => {
  it("is installed by helm, with the chart as it is", async () => {
    gander = await GanderRelease.install(cluster);
    const sensors = await gander.sensorPods();
    expect(sensors.map(({ spec }) => spec.nodeName).sort()).toEqual([...cluster.nodes].sort());
    expect(restarts(sensors)).toEqual(cluster.nodes.map(() => 0));
  });

  it("has the example policies in force on all nodes, and kubectl shows it", async () => {
    await pods.remember(guarded);
    await cluster.kubectl(["apply", "--filename", join(root, "policies/examples")]);
    const all = cluster.nodes.length;
    const wanted = policies.map((name) => `${name} ${all}/${all}`);
    await until(
      "all policies are in force on all nodes",
      async () => JSON.stringify(await policyStatuses()) === JSON.stringify(wanted),
      { timeoutMs: 600_000, seen: policyStatuses },
    );
  });

  it("kills a process in a pod that writes to a guarded file, before it has written", async () => {
    await expectGuarded();
  });

  it("shows who did what, as lines for people", async () => {
    await using events = await ClusterEvents.open(cluster, {
      pods,
      namespace: gander.namespace,
      args: ["--output=compact", "--namespace=default"],
    });
    for (const node of cluster.nodes) {
      const source = `default/${pods.nameOn(node)}`;
      const from = events.lines.length;
      await pods.run(node, `echo foo >> ${guarded}`);
      // Arguments are quoted as a whole if there are spaces in them.
      const command = RegExp.escape(`/bin/sh "-c \\"echo foo >> ${guarded}\\""`);
      const found = [
        await events.line(new RegExp(`🚀 process ${source} ${command}`), from),
        await events.line(new RegExp(`📝 write   ${source} /bin/sh ${guarded}`), from),
        await events.line(new RegExp(`💥 exit    ${source} ${command}.* SIGKILL`), from),
      ];
      console.log(found.join("\n"));
    }
  });

  it("shows which user started what in a pod, and never another", async () => {
    await permitUsers(cluster);
    await using events = await ClusterEvents.open(cluster, {
      pods,
      namespace: gander.namespace,
      args: ["--output=json", "--namespace=default", "--event-types=PROCESS_EXEC"],
    });
    // A sensor that has just connected knows of no requests, and says nothing about commands.
    for (const node of cluster.nodes) {
      let tries = 0;
      const isKnown = async () => {
        const mark = `settled-${node}-${tries++}`;
        const script = `/bin/true ${mark}`;
        await runAs(cluster, { user: "alice", pod: pods.nameOn(node), script });
        return (await sessionOf(events, mark))?.user === "alice";
      };
      await until(`sessions on ${node} are known`, isKnown, { timeoutMs: 300_000 });
    }
    const users = ["alice", "bob", "carol"];
    const podAt = (at: number) => pods.nameOn(cluster.nodes[at % cluster.nodes.length] ?? "");
    const commands = Array.from({ length: 18 }, (_, n) => ({
      ...{ user: users[n % users.length] ?? "", pod: podAt(n >> 1) },
      ...{ mark: `session-${n}`, script: `/bin/true session-${n}` },
    }));
    // Three at a time: each is a process of kubectl.
    for (let at = 0; at < commands.length; at += 3)
      await Promise.all(commands.slice(at, at + 3).map((one) => runAs(cluster, one)));
    const sessions: [string, unknown][] = [];
    for (const { mark } of commands) sessions.push([mark, await sessionOf(events, mark)]);
    expect(sessions).toMatchObject(
      commands.map(({ user, mark }) => [mark, { kind: "exec", user }]),
    );
    // The same command, container and moment; what each has to say tells them apart.
    const script = "read who; sleep 2; /bin/true said-$who";
    const two = ["alice", "bob"].map((user) => ({
      user,
      pod: podAt(0),
      script,
      input: `${user}\n`,
    }));
    await Promise.all(two.map((one) => runAs(cluster, one)));
    for (const { user } of two) {
      const session = await sessionOf(events, `said-${user}`);
      console.log(`said-${user}: ${JSON.stringify(session)}`);
      const named = session?.user === undefined ? session?.candidates : [session];
      expect(named?.map((one) => one.user)).toContain(user);
    }
  });

  it("marks a command that came into a container past the API server", async () => {
    await using events = await ClusterEvents.open(cluster, {
      pods,
      namespace: gander.namespace,
      args: ["--output=json", "--namespace=default", "--event-types=PROCESS_EXEC"],
    });
    for (const node of cluster.nodes) {
      const mark = `past-the-api-server-of-${node}`;
      await inspectors.intrude(node, pods.nameOn(node), ["/bin/true", mark]);
      expect(await sessionOf(events, mark)).toEqual({ kind: "exec", unannounced: true });
    }
  });

  it("kills what connects out of the cluster, and lets it connect inside", async () => {
    for (const node of cluster.nodes) {
      const connect = (target: string) => pods.run(node, `nc -w 20 ${target} < /dev/null`);
      expect(await connect("192.0.2.1 80")).toMatchObject({ status: 137 });
      expect(await connect("kubernetes.default.svc.cluster.local 443")).toMatchObject({
        status: 0,
      });
    }
  });

  it("is upgraded without a moment of no enforcement, and the new sensors start", async () => {
    const before = await gander.sensorPods();
    await underAttack(async () => {
      await gander.upgrade("sensor.clusterName=upgraded");
      await gander.rolledOut();
    });
    const after = await gander.sensorPods();
    const old = new Set(before.map(({ metadata }) => metadata.uid));
    expect(after.filter(({ metadata }) => old.has(metadata.uid))).toEqual([]);
    expect(after.filter(isReady)).toHaveLength(cluster.nodes.length);
    expect(restarts(after)).toEqual(cluster.nodes.map(() => 0));
    await expectGuarded();
  });

  it("stops the rollout of an image that can't start at its first nodes", async () => {
    const replaced = () =>
      gander.sensorPods().then((found) => found.filter((one) => !isReady(one)).length);
    // 10 percent, rounded up.
    const limit = Math.ceil(cluster.nodes.length / 10);
    await underAttack(async () => {
      await gander.upgrade("image.tag=does-not-exist");
      await until("a node has the image that can't start", async () => (await replaced()) > 0);
      for (let seconds = 0; seconds < 60; seconds += 5) {
        expect(await replaced()).toBe(limit);
        await new Promise((resolve) => setTimeout(resolve, 5_000));
      }
      await cluster.helm(["rollback", "gander", ...gander.inNamespace]);
      await gander.rolledOut();
    });
    await expectGuarded();
  });

  it("is uninstalled, and leaves nothing in the kernels", async () => {
    for (const node of cluster.nodes) {
      const { pins, programs, files } = await inspectors.traces(node);
      expect(pins).not.toEqual([]);
      expect(programs.length).toBeGreaterThan(untouched.get(node)?.programs.length ?? 0);
      expect(files).not.toEqual([]);
    }
    await gander.uninstall();
    for (const node of cluster.nodes) {
      expect(await inspectors.traces(node)).toEqual(untouched.get(node));
      expect(await pods.run(node, `echo foo >> ${guarded}`)).toMatchObject({ status: 0 });
    }
    expect(await objects(ownKinds, gander.inNamespace)).toEqual(["serviceaccount/default"]);
    const ofGander = ["--all-namespaces", "--selector=app.kubernetes.io/part-of=gander"];
    expect(await objects(`${ownKinds},${globalKinds}`, ofGander)).toEqual([]);
    expect(await objects("policystatus,policystatusnamespaced", ["--all-namespaces"])).toEqual([]);
    // The definitions' chart is still there, and so are the policies.
    expect(await objects("tracingpolicies", [])).toHaveLength(policies.length);
  });
});
