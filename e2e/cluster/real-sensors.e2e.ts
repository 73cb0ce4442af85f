// SPDX-License-Identifier: Apache-2.0
// The whole path with real parts only: kubectl, API server, two replicas of the operator,
// and sensors on two kernels, under attack.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNamespace, createPod } from "./lib/cluster-objects.ts";
import { guardPolicy, tracingPolicy } from "./lib/guard-policy.ts";
import { startAttack } from "./lib/guest-attack.ts";
import { makePodCgroup } from "./lib/pod-cgroup.ts";
import { type RealFleet, startRealFleet } from "./lib/real-fleet.ts";
import type { SensorNode } from "./lib/sensor-node.ts";
import { until } from "./lib/until.ts";

const kernels = { "node-6-1": "6.1", "node-6-12": "6.12" } as const;
let fleet: RealFleet;

beforeAll(async () => {
  fleet = await startRealFleet({ kernels, replicas: ["operator-1", "operator-2"] });
  await everywhere(({ guest }) => guest.bash(`mkdir -p /etc/gander-e2e; : > ${guarded}`));
}, 900_000);
afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
}, 120_000);

const guarded = "/etc/gander-e2e/guarded";
const guard = (...more: readonly string[]) =>
  guardPolicy({ name: "guard-etc", prefixes: ["/etc/gander-e2e/", ...more] });
const everywhere = <T>(task: (node: SensorNode) => Promise<T>): Promise<T[]> =>
  Promise.all(fleet.nodes.map(task));
const tryToWrite = ({ guest }: SensorNode) => guest.run(["bash", "-c", `echo x >> ${guarded}`]);

describe("a policy's life", { timeout: 600_000 }, () => {
  it("is in force on both kernels, and its status says so", async () => {
    await fleet.apply(guard());
    await fleet.ready("guard-etc");
    const tries = await everywhere(tryToWrite);
    expect(tries.map(({ status }) => status)).toEqual([137, 137]);
    expect(await everywhere(({ guest }) => guest.bash(`cat ${guarded}`))).toEqual(["", ""]);
    const status = await until(
      "the status counts both kills",
      async () => {
        const found = await fleet.policyStatus("guard-etc");
        return Number(found?.status.enforced) >= 2 && found;
      },
      { seen: async () => JSON.stringify(await fleet.policyStatus("guard-etc")) },
    );
    expect(status.status).toMatchObject({ enforced: 2, lost: 0, nodes: { total: 2, ready: 2 } });
    const { stdout } = await fleet.kubectl("get", "policystatus,tracingpolicies");
    expect(stdout).toMatch(/guard-etc.*2\/2/);
  });

  it("changes without a moment of no enforcement", async () => {
    const attacks = await everywhere(({ guest }) => startAttack(guest, "loop-write", guarded));
    for (let i = 0; i < 5; i++) await fleet.apply(guard(`/nowhere/${i}/`));
    await fleet.ready("guard-etc");
    for (const attack of attacks) {
      const tally = await attack.stop();
      expect(tally).toMatchObject({ succeeded: 0 });
      expect(tally.killed).toBeGreaterThan(0);
    }
    expect(await everywhere(({ guest }) => guest.bash(`cat ${guarded}`))).toEqual(["", ""]);
  });

  it("goes, and leaves nothing behind", async () => {
    await fleet.kubectl("delete", "tracingpolicy", "guard-etc");
    await everywhere((node) =>
      until("a write is let through again", async () => (await tryToWrite(node)).status === 0, {
        seen: node.log,
      }),
    );
    await everywhere(({ guest }) =>
      until("the sensor has no policy", async () => {
        const list = JSON.parse(await guest.bash("gander policy list -o json"));
        return JSON.stringify(list).includes("guard-etc") ? undefined : list;
      }),
    );
    await until("no object is left", async () => {
      const { stdout } = await fleet.kubectl(
        ...["get", "policystatus,policystatusnamespaced,controllerrevisions", "-A", "-o", "name"],
      );
      return stdout === "";
    });
  });
});

describe("a function that only one kernel has", { timeout: 600_000 }, () => {
  it("is warned of, named in the status, and guarded where it exists", async () => {
    const spec = {
      kprobes: [
        {
          call: "security_file_post_open",
          syscall: false,
          args: [{ index: 0, type: "file" }],
          selectors: [
            {
              matchArgs: [{ index: 0, operator: "Equal", values: [guarded] }],
              matchActions: [{ action: "Sigkill" }],
            },
          ],
        },
      ],
    };
    const input = tracingPolicy("new-hook", { spec });
    let said = "";
    // Sensors report their kernels on request, some time after they connect.
    await until(
      "the kernel that lacks it is known",
      async () => {
        const tried = ["apply", "--dry-run=server", "-f", "-"];
        said = (await fleet.cluster.kubectl(tried, { input })).stderr;
        return /Warning:.*6\.1\..*no function security_file_post_open/.test(said);
      },
      // Each guest reads and compresses 10 MB beside all else it does.
      { seen: () => said, timeoutMs: 300_000 },
    );
    const { stderr } = await fleet.apply(input);
    expect(stderr).toMatch(/Warning: It cannot work on 1 of 2 nodes \(kernel 6\.1\./);
    const found = await until(
      "both nodes have answered",
      async () => {
        const status = await fleet.policyStatus("new-hook");
        const worst = status?.status.worstNodes ?? [];
        // A guest that is slow for a moment counts as disconnected: that is no answer either.
        const waits = worst.some(({ state }) => state === "pending" || state === "disconnected");
        return worst.length > 0 && !waits && status;
      },
      { seen: async () => JSON.stringify(await fleet.policyStatus("new-hook")) },
    );
    expect(found.status).toMatchObject({
      nodes: { total: 2, ready: 1 },
      worstNodes: [{ name: "node-6-1", state: "unsupported" }],
    });
    const [old, recent] = await everywhere(({ guest }) =>
      guest.run(["bash", "-c", `: < ${guarded}`]),
    );
    expect([old?.status, recent?.status]).toEqual([0, 137]);
    await fleet.kubectl("delete", "tracingpolicy", "new-hook");
  });
});

describe("pods", { timeout: 600_000 }, () => {
  it("get policies by their labels, come, change and go", async () => {
    const [node] = fleet.nodes.filter(({ name }) => name === "node-6-12");
    if (node === undefined) throw new Error("no node");
    const { client } = fleet.cluster;
    await createNamespace(client, "shop");
    const make = async (name: string, app: string) => {
      const { uid } = await createPod(client, {
        ...{ namespace: "shop", name, node: node.name },
        labels: { app },
      });
      return makePodCgroup(node.guest, uid);
    };
    const web = await make("web", "web");
    const prefixes = ["/var/tmp/"];
    await fleet.apply(guardPolicy({ name: "web", prefixes, podLabels: { app: "web" } }));
    await fleet.ready("web");
    const write = "echo x >> /var/tmp/shared";
    expect((await web.run(write)).status).toBe(137);
    expect((await node.guest.run(["bash", "-c", write])).status).toBe(0);

    const db = await make("db", "db");
    expect((await db.run(write)).status).toBe(0);
    const later = await make("web-2", "web");
    await until("the new pod is guarded", async () => (await later.run(write)).status === 137);

    const label = async (app: string, status: number) => {
      await fleet.kubectl("label", "pod", "db", "-n", "shop", `app=${app}`, "--overwrite");
      const begun = performance.now();
      await until(`a pod with app=${app} ends with ${status}`, async () => {
        const found = await db.run(write);
        return found.status === status;
      });
      return performance.now() - begun;
    };
    const times = [await label("web", 137), await label("db", 0)];
    console.log(`a label's change took ${times.map((ms) => ms.toFixed(0)).join(" and ")} ms`);
    // Each check costs a process under emulation; without emulation it takes a second.
    expect(Math.max(...times)).toBeLessThan(10_000);
    await fleet.kubectl("delete", "tracingpolicy", "web");
  });
});

describe("sets", { timeout: 600_000 }, () => {
  /** For pods of the namespace `closed`: connections to addresses of the set are denied. */
  const closedTo = (name: string, set: string) => ({
    apiVersion: "gander.dev/v1alpha1",
    kind: "GuardPolicyNamespaced",
    metadata: { name, namespace: "closed" },
    spec: {
      kprobes: [
        {
          call: "security_socket_connect",
          syscall: false,
          args: [{ index: 1, type: "sockaddr" }],
          selectors: [
            {
              matchArgs: [{ index: 1, operator: "SAddr", values: [`set:${set}`] }],
              matchActions: [{ action: "Override", argError: -1 }],
            },
          ],
        },
      ],
    },
  });
  const valueSet = (values: readonly string[]) =>
    JSON.stringify({
      ...{ apiVersion: "gander.dev/v1alpha1", kind: "ValueSet", metadata: { name: "feed" } },
      spec: { values },
    });

  it("keep a pod from the API server, and from what a feed names now", async () => {
    const [node] = fleet.nodes.filter(({ name }) => name === "node-6-12");
    if (node === undefined) throw new Error("no node");
    const { client } = fleet.cluster;
    await createNamespace(client, "closed");
    const labels = { "kubernetes.io/service-name": "kubernetes" };
    const slice = {
      ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" },
      metadata: { name: "own", namespace: "default", labels },
      ...{ ports: [{ port: 6443 }], endpoints: [{ addresses: ["192.0.2.1"] }] },
    };
    await fleet.apply(JSON.stringify(slice));
    await fleet.apply(valueSet(["192.0.2.7"]));
    for (const [name, set] of [
      ["no-api-server", "kubernetes/api-server"],
      ["no-feed", "feed"],
    ] as const)
      await fleet.apply(JSON.stringify(closedTo(name, set)));
    const { uid } = await createPod(client, { namespace: "closed", name: "a", node: node.name });
    const pod = await makePodCgroup(node.guest, uid);
    await fleet.kubectl(
      ...["wait", "guardpoliciesnamespaced", "--all", "--namespace=closed"],
      ...["--for=condition=Ready", "--timeout=180s"],
    );
    const { stdout: ip } = await fleet.kubectl(
      ...["get", "service/kubernetes", "--output=jsonpath={.spec.clusterIP}"],
    );
    // A datagram socket is connected without a packet.
    const addresses = [ip, "192.0.2.1", "192.0.2.7", "192.0.2.8"];
    const tries = addresses.map((one) => `(: > /dev/udp/${one}/443) 2>&1 || true`).join("; ");
    const denied = (output: string) =>
      addresses.filter((one) => output.includes(`/dev/udp/${one}/443: Operation not permitted`));
    const inPod = async () => denied((await pod.run(tries)).stdout);
    await until("the pod is kept from them", async () => (await inPod()).length > 0);
    expect(await inPod()).toEqual([ip, "192.0.2.1", "192.0.2.7"]);
    expect(denied(await node.guest.bash(tries))).toEqual([]);

    await fleet.apply(valueSet(["192.0.2.8"]));
    const begun = performance.now();
    const both = [ip, "192.0.2.1", "192.0.2.8"];
    await until(
      "the set's newest values are in force",
      async () => `${await inPod()}` === `${both}`,
    );
    const ms = performance.now() - begun;
    console.log(`a set's change took ${ms.toFixed(0)} ms`);
    expect(ms).toBeLessThan(10_000);
    await fleet.kubectl("delete", "guardpoliciesnamespaced", "--all", "--namespace=closed");
    await fleet.kubectl("delete", "valueset", "feed");
  });
});
