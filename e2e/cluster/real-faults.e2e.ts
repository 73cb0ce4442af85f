// SPDX-License-Identifier: Apache-2.0
// Faults of clusters, one after the other, while an attack runs on each node. After each
// fault the newest policy is in force on both nodes, the status says so, and nothing forbidden has happened.

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { guardPolicy } from "./lib/guard-policy.ts";
import { type GuestAttack, startAttack } from "./lib/guest-attack.ts";
import { type RealFleet, startRealFleet } from "./lib/real-fleet.ts";
import { type SensorNode, sensorFiles } from "./lib/sensor-node.ts";
import { sensorAccount } from "./lib/sensor-pod.ts";
import { until } from "./lib/until.ts";

const guarded = "/etc/gander-e2e/guarded";
/** By then the node is disconnected and nothing more changes; longer cuts are for experiments. */
const cutSeconds = Number(process.env.GANDER_CUT_SECONDS ?? 0);
let fleet: RealFleet;
let attacks: readonly GuestAttack[] = [];
let version = 0;

/** A new version of the policy; returns the prefix that identifies it. */
async function change(): Promise<string> {
  const prefix = `/var/tmp/version-${++version}/`;
  await fleet.apply(guardPolicy({ name: "guard", prefixes: ["/etc/gander-e2e/", prefix] }));
  return prefix;
}

const killsThere = async ({ guest }: SensorNode, prefix: string): Promise<boolean> => {
  const script = `mkdir -p ${prefix}; echo x >> ${prefix}file`;
  return (await guest.run(["bash", "-c", script])).status === 137;
};

async function inForce(prefix: string, nodes: readonly SensorNode[] = fleet.nodes): Promise<void> {
  await Promise.all(
    nodes.map((node) =>
      until(`${prefix} is guarded on ${node.name}`, () => killsThere(node, prefix), {
        seen: async () => (await node.log()).slice(-2000),
      }),
    ),
  );
}

/** The state that all faults must end in. */
async function allIsWell(): Promise<void> {
  await inForce(await change());
  await fleet.ready("guard");
  for (const attack of attacks) {
    const { attempts } = await attack.tally();
    await until("the attack goes on", async () => (await attack.tally()).attempts > attempts);
    expect(await attack.tally()).toMatchObject({ succeeded: 0 });
  }
  for (const { guest } of fleet.nodes) expect(await guest.bash(`cat ${guarded}`)).toBe("");
}

const stateOf = async (node: string): Promise<string | undefined> => {
  const status = await fleet.policyStatus("guard");
  return status?.status.worstNodes?.find(({ name }) => name === node)?.state;
};

const becomes = (node: string, state: string | undefined) =>
  until(`${node} is shown as ${state ?? "well"}`, async () => (await stateOf(node)) === state, {
    seen: async () => JSON.stringify(await fleet.policyStatus("guard")),
  });

beforeAll(async () => {
  fleet = await startRealFleet({
    kernels: { "node-6-1": "6.1", "node-6-12": "6.12" },
    replicas: ["operator-1", "operator-2"],
  });
  await Promise.all(
    fleet.nodes.map(({ guest }) => guest.bash(`mkdir -p /etc/gander-e2e; : > ${guarded}`)),
  );
  await inForce(await change());
  attacks = await Promise.all(
    fleet.nodes.map(({ guest }) => startAttack(guest, "loop-write", guarded)),
  );
}, 900_000);
afterEach(allIsWell, 600_000);
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
}, 120_000);

const first = () => {
  const [node] = fleet.nodes;
  if (node === undefined) throw new Error("no node");
  return node;
};

describe("the operator and the API server", { timeout: 600_000 }, () => {
  it("the replica that writes is killed", async () => {
    const leader = await fleet.leader();
    await fleet.replicas.get(leader)?.stop("SIGKILL");
    await allIsWell();
    expect(await fleet.leader()).not.toBe(leader);
    await fleet.startReplica(leader);
  });

  it("all replicas are away, and the policies stay", async () => {
    const names = [...fleet.replicas.keys()];
    for (const name of names) await fleet.replicas.get(name)?.stop();
    const prefix = await change();
    for (const node of fleet.nodes) expect(await killsThere(node, prefix)).toBe(false);
    await Promise.all(names.map((name) => fleet.startReplica(name)));
  });

  it("the API server is killed, and comes again", async () => {
    await fleet.cluster.stopApiServer("SIGKILL");
    await fleet.cluster.startApiServer();
  });

  it("etcd forgets what the watches are about to ask for", async () => {
    fleet.apiLink.reset();
    await fleet.cluster.stopApiServer("SIGKILL");
    await fleet.cluster.startApiServer();
    await fleet.cluster.compactEtcd();
  });

  it("the operator's watches stall without an end", async () => {
    fleet.apiLink.stall("standing");
    await inForce(await change());
    fleet.apiLink.restore();
  });
});

describe("a node", { timeout: 600_000 + 1000 * cutSeconds }, () => {
  it("is cut off from the operator", async () => {
    const node = first();
    node.link.stall("all");
    await becomes(node.name, "disconnected");
    const prefix = await change();
    await inForce(prefix, fleet.nodes.slice(1));
    await sleep(1000 * cutSeconds);
    expect(await killsThere(node, prefix)).toBe(false);
    node.link.restore();
    await inForce(prefix);
    await becomes(node.name, undefined);
  });

  it("has a token that has ended, then another node's, then its own", async () => {
    const [node, other] = fleet.nodes;
    if (node === undefined || other === undefined) throw new Error("no nodes");
    const own = await node.guest.bash(`cat ${sensorFiles.token}`);
    const ended = await fleet.cluster.token({
      ...sensorAccount,
      expirationSeconds: 1,
      boundPod: node.pod,
    });
    const others = await other.guest.bash(`cat ${sensorFiles.token}`);
    for (const token of [ended, others]) {
      await node.writeToken(token);
      node.link.reset(); // it must show its token again
      await becomes(node.name, "disconnected");
      await becomes(other.name, undefined);
    }
    await node.writeToken(own);
    await becomes(node.name, undefined);
  });

  it("its sensor is killed, and starts while the operator is away", async () => {
    const node = first();
    await node.stopSensor("KILL");
    node.link.stall("all");
    const prefix = `/var/tmp/version-${version}/`;
    await node.startSensor();
    expect(await killsThere(node, prefix)).toBe(true);
    node.link.restore();
  });

  it("its bundle is damaged on disk", async () => {
    const node = first();
    const prefix = `/var/tmp/version-${version}/`;
    await node.stopSensor("KILL");
    node.link.stall("all");
    await node.guest.bash(
      `find ${sensorFiles.state}/operator -type f -size +0 | while read f; do printf '\\377' | dd of=$f bs=1 seek=20 conv=notrunc status=none; done`,
    );
    await node.startSensor();
    expect(await node.log()).toMatch(/damaged/);
    expect(await killsThere(node, prefix)).toBe(true);
    node.link.restore();
    await becomes(node.name, undefined);
  });

  it("has no room on its disk", async () => {
    const node = first();
    await node.stopSensor("KILL");
    // As full as a disk gets: existing data can be read, nothing more can be written.
    await node.guest.bash(`
      mkdir -p /var/tmp/kept; cp -a ${sensorFiles.state}/. /var/tmp/kept/
      mount -t tmpfs -o size=1m full ${sensorFiles.state}
      cp -a /var/tmp/kept/. ${sensorFiles.state}/
      dd if=/dev/zero of=${sensorFiles.state}/ballast bs=4k status=none || true`);
    await node.startSensor();
    await inForce(await change());
    await fleet.ready("guard");
    await node.guest.bash(`rm ${sensorFiles.state}/ballast`);
    await inForce(await change());
    await node.stopSensor("KILL");
    node.link.stall("all");
    await node.startSensor();
    expect(await killsThere(node, `/var/tmp/version-${version}/`)).toBe(true);
    node.link.restore();
  });
});
