// SPDX-License-Identifier: Apache-2.0

import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import type { Hello } from "@gander/proto/stream";
import { status } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type SeenVersion, TestSensor } from "../../packages/operator/test/test-sensor.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import {
  createNamespace,
  createNode,
  createPod,
  createServiceAccount,
  deletePod,
} from "./lib/cluster-objects.ts";
import {
  installCrds,
  operatorNamespace as namespace,
  type OperatorProcess,
  operatorAuthorities,
  startOperator,
} from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { createSensorPod, sensorAccount } from "./lib/sensor-pod.ts";

let cluster: ControlPlane;
let operator: OperatorProcess;
/** A kubeconfig with only the rights that the chart gives the operator. */
let rights = "";
const sensors: TestSensor[] = [];
const tokens = new Map<string, string>();

beforeAll(async () => {
  cluster = await startControlPlane();
  await createNamespace(cluster.client, namespace);
  await createNamespace(cluster.client, "web");
  await createServiceAccount(cluster.client, namespace, "gander-sensor");
  for (const node of ["node-a", "node-b"]) {
    await createNode(cluster.client, node, { zone: node.slice(-1) });
    tokens.set(node, (await createSensorPod(cluster, node)).token);
  }
  rights = await grantOperatorRights(cluster);
  const flags = ["--event-pod-annotations=example.com/team"];
  operator = startOperator(cluster, { name: "operator-1", kubeconfig: rights, flags });
});

afterEach(() => {
  for (const sensor of sensors.splice(0)) sensor[Symbol.dispose]();
});

afterAll(async () => {
  await operator?.stop();
  await cluster?.[Symbol.asyncDispose]();
});

async function connect(
  node: string,
  { token = tokens.get(node), to = operator, hello = {} }: ConnectOptions = {},
): Promise<TestSensor> {
  const sensor = new TestSensor(to.sensorPort, token, await operatorAuthorities(cluster));
  sensors.push(sensor);
  sensor.hello({ node, ...hello });
  return sensor;
}

type ConnectOptions = {
  readonly token?: string | undefined;
  readonly to?: OperatorProcess;
  readonly hello?: Hello;
};

/** The full state of a node, from any replica: names and generations of policies, and UIDs for each pod. */
async function stateOf(node: string, to = operator): Promise<unknown> {
  const sensor = await connect(node, { to });
  const found = readable(await versionWith(sensor, () => true));
  sensor[Symbol.dispose]();
  return found;
}

function readable({ state, version }: Seen): unknown {
  const digest = Buffer.from(version.commit.state_digest ?? []).toString("hex");
  const pods = [...state.pods].map(([uid, policies]) => [uid, [...policies].sort()]);
  return { digest, policies: [...state.policies].sort(), pods: pods.sort() };
}

type Seen = { readonly state: NodeState; readonly version: SeenVersion };

/** Accepts versions until one fits. */
async function versionThat(
  sensor: TestSensor,
  fits: (version: SeenVersion) => boolean,
): Promise<SeenVersion> {
  for (;;) {
    const version = await sensor.version();
    sensor.ack(version.commit);
    if (fits(version)) return version;
  }
}

/** Accepts versions until the state fits; a change of the cluster may arrive in several versions. */
async function versionWith(
  sensor: TestSensor,
  holds: (state: NodeState) => boolean,
  state: NodeState = { policies: new Map(), pods: new Map() },
): Promise<Seen> {
  for (;;) {
    const version = await sensor.version();
    applyVersion(state, version);
    sensor.ack(version.commit);
    if (holds(state)) return { state, version };
  }
}

type NodeState = {
  /** Name → generation, of the offered policies. */
  readonly policies: Map<string, string>;
  /** Pod UID → UIDs of its policies. */
  readonly pods: Map<string, readonly string[]>;
};

function applyVersion({ policies, pods }: NodeState, version: SeenVersion): void {
  for (const { put = [], remove = [] } of version.offers) {
    for (const { uid = "", name, generation } of put) policies.set(uid, `${name} ${generation}`);
    for (const uid of remove) policies.delete(uid);
  }
  for (const [uid, own] of Object.entries(version.pods)) pods.set(uid, own);
  for (const uid of version.removedPods) pods.delete(uid);
}

const policy = (name: string, spec: object, kind = "TracingPolicy", ns?: string) =>
  cluster.kubectl(["apply", "--filename", "-"], {
    input: JSON.stringify({
      apiVersion: "cilium.io/v1alpha1",
      kind,
      metadata: { name, ...(ns && { namespace: ns }) },
      spec,
    }),
  });

const mounts = (path: string) => ({
  kprobes: [
    {
      call: "security_sb_mount",
      syscall: false,
      args: [{ index: 1, type: "path" }],
      selectors: [{ matchArgs: [{ index: 1, operator: "Prefix", values: [path] }] }],
    },
  ],
});

const uidOf = async (...words: readonly string[]) =>
  (await cluster.kubectl(["get", ...words, "--output=jsonpath={.metadata.uid}"])).stdout;

describe("the operator", () => {
  it("waits for the CRDs and says so, then serves", async () => {
    await expect
      .poll(() => operator.log().map(({ message }) => message), { timeout: 60_000 })
      .toContain("The watch is begun again");
    expect(() => operator.sensorPort).toThrow();
    await installCrds(cluster);
    await operator.whenServing();
    const answer = await fetch(`${operator.health}/readyz`);
    expect([answer.status, await answer.text()]).toEqual([200, "ok\n"]);
  });

  it("offers a node what is for it, and follows policies, pods and labels", async () => {
    await policy("everywhere", mounts("/mnt/"));
    await policy("zone-b", { ...mounts("/srv/"), nodeSelector: { matchLabels: { zone: "b" } } });
    await policy(
      "of-web",
      { ...mounts("/web/"), podSelector: { matchLabels: { app: "shop" } } },
      "TracingPolicyNamespaced",
      "web",
    );
    const everywhere = await uidOf("tracingpolicy", "everywhere");
    const ofWeb = await uidOf("tracingpoliciesnamespaced", "of-web", "--namespace=web");
    const sensor = await connect("node-a");
    const first = await versionWith(sensor, ({ policies }) => policies.has(everywhere));
    expect([...first.state.policies.values()]).toEqual(["everywhere 1"]);

    const shop = await createPod(cluster.client, {
      namespace: "web",
      name: "shop",
      node: "node-a",
      labels: { app: "shop" },
    });
    const { state } = await versionWith(
      sensor,
      ({ pods }) => pods.get(shop.uid)?.includes(ofWeb) === true,
      first.state,
    );
    expect(new Set(state.policies.values())).toEqual(new Set(["everywhere 1", "of-web 1"]));
    expect(new Set(state.pods.get(shop.uid))).toEqual(new Set([everywhere, ofWeb]));

    await cluster.kubectl(["label", "pod", "shop", "--namespace=web", "--overwrite", "app=other"]);
    await versionWith(sensor, ({ pods }) => pods.get(shop.uid)?.includes(ofWeb) === false, state);
    expect(state.policies.has(ofWeb)).toBe(false);

    await cluster.kubectl(["label", "node", "node-a", "--overwrite", "zone=b"]);
    await versionWith(sensor, ({ policies }) => [...policies.values()].includes("zone-b 1"), state);

    await policy("everywhere", mounts("/media/"));
    await versionWith(sensor, ({ policies }) => policies.get(everywhere) === "everywhere 2", state);

    await deletePod(cluster.client, "web", "shop");
    await versionWith(sensor, ({ pods }) => !pods.has(shop.uid), state);
    await cluster.kubectl(["delete", "tracingpolicy", "zone-b"]);
    await versionWith(sensor, ({ policies }) => policies.size === 1, state);
  });
});

describe("what events show", () => {
  it("is sent with pods: workload, annotations, exec probes, image ids", async () => {
    const sensor = await connect("node-b");
    const where = { namespace: "web", node: "node-b" };
    const hash = { "pod-template-hash": "5d4f" };
    const owned = await createPod(cluster.client, {
      ...{ ...where, name: "shop-5d4f-x2x", labels: hash },
      owner: { kind: "ReplicaSet", name: "shop-5d4f" },
      annotations: { "example.com/team": "shop", other: "x" },
      containers: [
        {
          ...{ name: "main", image: "example.com/main:1" },
          livenessProbe: { exec: { command: ["/bin/check", "a b"] } },
          readinessProbe: { httpGet: { port: 80 } },
        },
        { name: "side", image: "example.com/side:1" },
      ],
    });
    // The API server gives it its image id in a second step, as the kubelet does.
    const ofOwned = await versionThat(sensor, ({ details }) =>
      JSON.stringify(details[owned.uid] ?? {}).includes("image_id"),
    );
    expect(ofOwned.details[owned.uid]).toEqual({
      workload: "shop",
      workload_kind: "Deployment",
      annotations: [{ key: "example.com/team", value: "shop" }],
      containers: [
        {
          name: "main",
          exec_probes: [{ command: ["/bin/check", "a b"] }],
          image_id: "example.com/main:1",
        },
        { name: "side", image_id: "example.com/side:1" },
      ],
    });

    const bare = await createPod(cluster.client, { ...where, name: "bare" });
    const ofBare = await versionThat(sensor, ({ details }) => bare.uid in details);
    expect(ofBare.details[bare.uid]).toMatchObject({ workload_kind: "Pod" });
    expect(ofBare.details[bare.uid]).not.toHaveProperty("workload");
    for (const name of ["shop-5d4f-x2x", "bare"]) await deletePod(cluster.client, "web", name);
  });

  it("is sent with the labels of the node, also when they change and no policy asks", async () => {
    const sensor = await connect("node-b");
    const first = await versionThat(sensor, ({ nodeLabels }) => nodeLabels !== undefined);
    expect(first.nodeLabels).toMatchObject({ zone: "b", "kubernetes.io/hostname": "node-b" });
    await cluster.kubectl(["label", "node", "node-b", "example.com/pool=blue"]);
    const next = await versionThat(sensor, ({ nodeLabels }) => nodeLabels !== undefined);
    expect(next.nodeLabels).toEqual({ ...first.nodeLabels, "example.com/pool": "blue" });
  });
});

describe("a sensor's credentials", () => {
  const refused = async (node: string, token: string) => {
    const sensor = await connect(node, { token });
    return sensor.ended;
  };

  it("of another node are refused", async () => {
    const { code, details } = await refused("node-b", tokens.get("node-a") ?? "");
    expect([code, details]).toEqual([
      status.PERMISSION_DENIED,
      'The credentials are of node "node-a", not of the one that Hello names',
    ]);
  });

  it("made for somebody else, of another account, without a pod, or of a pod that is gone are refused", async () => {
    await createServiceAccount(cluster.client, namespace, "other");
    const pod = { namespace, node: "node-a" };
    const other = { ...pod, name: "other", serviceAccount: "other" };
    const gone = { ...pod, ...sensorAccount, name: "gone" };
    const { audience } = sensorAccount;
    const ofOther = await createPod(cluster.client, other);
    const ofGone = await createPod(cluster.client, gone);
    const bad = {
      audience: (await createSensorPod(cluster, "node-a", "somebody-else")).token,
      account: await cluster.token({ ...other, audience, boundPod: ofOther }),
      unbound: await cluster.token(sensorAccount),
      gone: await cluster.token({ ...sensorAccount, boundPod: ofGone }),
      garbage: "eyJhbGciOiJub25lIn0.e30.",
    };
    await deletePod(cluster.client, namespace, "gone");
    for (const [what, token] of Object.entries(bad))
      expect([what, (await refused("node-a", token)).code]).toEqual([what, status.UNAUTHENTICATED]);
  });

  it("are told to nobody", async () => {
    const text = JSON.stringify(operator.log());
    for (const token of tokens.values()) expect(text).not.toContain(token.split(".")[2]);
  });
});

describe("a policy that cannot be compiled", () => {
  it("leaves the generation before in force, also after a restart", async () => {
    await policy("steady", mounts("/opt/"));
    const sensor = await connect("node-a");
    const has = (generation: number) => (state: NodeState) =>
      [...state.policies.values()].includes(`steady ${generation}`);
    const { state } = await versionWith(sensor, has(1));
    const broken = mounts("/opt/");
    const [hook] = broken.kprobes;
    if (hook?.selectors[0]?.matchArgs[0] === undefined) throw new Error("there is no hook");
    hook.selectors[0].matchArgs[0].index = 3;
    await policy("steady", broken);
    await expect
      .poll(() => operator.log().map(({ message }) => message), { timeout: 60_000 })
      .toContain("A policy cannot be brought in force");
    expect(has(1)(state)).toBe(true);
    await restart("SIGTERM");
    expect((await stateOf("node-a")) as object).toMatchObject({
      policies: expect.arrayContaining([[await uidOf("tracingpolicy", "steady"), "steady 1"]]),
    });
    await policy("steady", mounts("/usr/"));
    const again = await connect("node-a");
    await versionWith(again, has(3));
  });
});

async function restart(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  await operator.stop(signal);
  operator = startOperator(cluster, { name: "operator-1", kubeconfig: rights });
  await operator.whenServing();
}

const leaseHolder = async () =>
  (
    await cluster.kubectl([
      "get",
      "lease",
      "gander-operator",
      `--namespace=${namespace}`,
      "--output=jsonpath={.spec.holderIdentity}",
    ])
  ).stdout;

describe("a restart", () => {
  it("of the operator tells its sensors, gives back the Lease, and gives nodes what they had", async () => {
    const before = await stateOf("node-b");
    const sensor = await connect("node-b");
    const { version } = await versionWith(sensor, () => true);
    const { epoch = "0", state_digest } = version.commit;
    const stopped = operator.stop();
    expect(await sensor.ended).toEqual({
      code: status.UNAVAILABLE,
      details: "This replica of the operator is going away",
    });
    await stopped;
    expect(operator.ending).toBe("status 0");
    expect(await leaseHolder()).toBe("");
    operator = startOperator(cluster, { name: "operator-1", kubeconfig: rights });
    await operator.whenServing();
    expect(await stateOf("node-b")).toEqual(before);
    // A sensor that has everything receives only the commit.
    const policies = version.offers.flatMap(({ put = [] }) => put.map(({ digest }) => digest));
    const hello = { epoch, state_digest, policies: policies.filter((one) => one !== undefined) };
    const back = await connect("node-b", { hello: hello as Hello });
    const resumed = await back.version();
    expect([resumed.offers, resumed.contents, resumed.pods]).toEqual([[], [], {}]);
    expect(Number(resumed.commit.epoch)).toBeGreaterThan(Number(epoch));
  });

  it("of an operator that was killed gives nodes what they had", async () => {
    const before = [await stateOf("node-a"), await stateOf("node-b")];
    await restart("SIGKILL");
    expect([await stateOf("node-a"), await stateOf("node-b")]).toEqual(before);
  });

  it("of the API server keeps sensors, and then follows what comes", async () => {
    const { token: fresh } = await createSensorPod(cluster, "node-a");
    const sensor = await connect("node-a");
    const { state } = await versionWith(sensor, () => true);
    const before = await stateOf("node-b");
    const ca = await operatorAuthorities(cluster);
    const known = () => stateWith(ca);
    const stateWith = async (trusted: string) => {
      const one = new TestSensor(operator.sensorPort, tokens.get("node-b"), trusted);
      sensors.push(one);
      one.hello({ node: "node-b" });
      return readable(await versionWith(one, () => true));
    };
    expect(await known()).toEqual(before);
    await cluster.stopApiServer("SIGKILL");
    // A known token stays valid; an unknown one gets UNAVAILABLE, not a refusal.
    expect(await known()).toEqual(before);
    const late = new TestSensor(operator.sensorPort, fresh, ca);
    sensors.push(late);
    expect((await late.ended).code).toBe(status.UNAVAILABLE);
    await cluster.startApiServer();
    expect(await stateOf("node-b")).toEqual(before);
    await policy("after", mounts("/after/"));
    await versionWith(sensor, ({ policies }) => [...policies.values()].includes("after 1"), state);
  });

  it("leaves two replicas that give nodes the same", async () => {
    const other = startOperator(cluster, { name: "operator-2", kubeconfig: rights });
    try {
      await other.whenServing();
      for (const node of ["node-a", "node-b"])
        expect(await stateOf(node, other)).toEqual(await stateOf(node));
    } finally {
      await other.stop();
    }
  });
});

describe("the certificates", () => {
  const secret = async (field: string) =>
    (
      await cluster.kubectl([
        "get",
        "secret",
        "gander-operator-tls",
        `--namespace=${namespace}`,
        `--output=jsonpath={${field}}`,
      ])
    ).stdout;

  it("come back as they were when somebody deletes or damages them", async () => {
    const before = await secret(".data");
    const uid = await secret(".metadata.uid");
    const isSame = async () => (await secret(".data").catch(() => "")) === before;
    await cluster.kubectl(["delete", "secret", "gander-operator-tls", `--namespace=${namespace}`]);
    await expect.poll(isSame, { timeout: 60_000 }).toBe(true);
    expect(await secret(".metadata.uid")).not.toBe(uid);
    const damage = JSON.stringify({ data: { "ca.key": "AAAA" } });
    const words = ["patch", "secret", "gander-operator-tls", `--namespace=${namespace}`];
    await cluster.kubectl([...words, "--patch", damage]);
    await expect.poll(isSame, { timeout: 60_000 }).toBe(true);
    const ca = await operatorAuthorities(cluster);
    const forget = ["delete", "configmap", "gander-operator-ca", `--namespace=${namespace}`];
    await cluster.kubectl(forget);
    await expect
      .poll(() => operatorAuthorities(cluster).catch(() => ""), { timeout: 60_000 })
      .toBe(ca);
  });

  it("are renewed for another name, by the same authority, without a restart of who has them", async () => {
    const ca = await operatorAuthorities(cluster);
    const before = await secret(".data.tls\\.crt");
    const other = startOperator(cluster, {
      name: "operator-2",
      kubeconfig: rights,
      flags: ["--tls-san=127.0.0.1,localhost,operator.example"],
    });
    try {
      await other.whenServing();
      await operator.stop();
      await expect.poll(() => secret(".data.tls\\.crt"), { timeout: 60_000 }).not.toBe(before);
      expect(await operatorAuthorities(cluster)).toBe(ca);
      // It serves with the new certificate.
      const shown = Buffer.from(await secret(".data.tls\\.crt"), "base64").toString();
      await expect
        .poll(() => shownAt(other.sensorPort, ca), { timeout: 60_000 })
        .toBe(new X509Certificate(shown).fingerprint256);
    } finally {
      await other.stop();
    }
  });
});

async function shownAt(port: number, ca: string): Promise<string> {
  const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca });
  await once(socket, "secureConnect");
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}
