// SPDX-License-Identifier: Apache-2.0
// `gander` for fleets: two replicas with only the chart's rights, people with the rights that the
// documentation names, and simulated sensors that speak the real protocol.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { runCli } from "../../packages/cli/src/cli.ts";
import { SimulatedSensor } from "../../packages/operator/test/simulated-sensor.ts";
import type { ControlPlane } from "./control-plane.ts";
import { createNamespace, createNode, createServiceAccount } from "./lib/cluster-objects.ts";
import { guardPolicy, tracingPolicy } from "./lib/guard-policy.ts";
import {
  operatorNamespace as namespace,
  type OperatorProcess,
  operatorAuthorities,
  startOperator,
} from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { createSensorPod, startPreparedControlPlane } from "./lib/sensor-pod.ts";
import { until } from "./lib/until.ts";

const root = join(import.meta.dirname, "../..");
let cluster: ControlPlane;
let rights: string;
const replicas: OperatorProcess[] = [];
const sensors = new Map<string, SimulatedSensor>();
/** User → kubeconfig. */
const people = new Map<string, string>();
let tokenOfViewer: string;

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  rights = await grantOperatorRights(cluster);
  await createPeople();
  for (const name of ["one", "two"])
    replicas.push(startOperator(cluster, { name, kubeconfig: rights }));
  await Promise.all(replicas.map((replica) => replica.whenServing()));
  const [one, two] = replicas;
  if (one === undefined || two === undefined) throw new Error("no replicas");
  for (const node of ["node-a", "node-b"]) await createNode(cluster.client, node, {});
  await connect("node-a", one);
  await connect("node-b", two);
});

afterAll(async () => {
  for (const sensor of sensors.values()) sensor[Symbol.dispose]();
  await Promise.all(replicas.map((replica) => replica.stop()));
  await cluster?.[Symbol.asyncDispose]();
});

/** `viewer` sees policy statuses, `watcher` also events, `editor` also edits policies; `nobody` nothing. */
async function createPeople(): Promise<void> {
  const may: Readonly<Record<string, readonly string[]>> = {
    viewer: ["view"],
    watcher: ["view", "events"],
    editor: ["view", "edit"],
    nobody: [],
  };
  const rulesOf = (name: string): unknown[] =>
    name === "edit"
      ? [
          {
            apiGroups: ["cilium.io"],
            resources: ["tracingpolicies", "tracingpoliciesnamespaced"],
            verbs: ["create", "update", "patch", "delete"],
          },
          { apiGroups: ["apps"], resources: ["controllerrevisions"], verbs: ["list"] },
        ]
      : parse(readFileSync(join(root, `charts/gander/rbac/${name}-rules.yaml`), "utf8"));
  const authority = { apiGroups: [""], resources: ["configmaps"], verbs: ["get"] };
  for (const [name, parts] of Object.entries(may)) {
    await createServiceAccount(cluster.client, namespace, name);
    const metadata = { name: `gander-${name}` };
    const apiVersion = "rbac.authorization.k8s.io/v1";
    const rules = [authority, ...parts.flatMap(rulesOf)];
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", ...metadata };
    const subjects = [{ kind: "ServiceAccount", name, namespace }];
    const items = [
      { apiVersion, kind: "ClusterRole", metadata, rules },
      { apiVersion, kind: "ClusterRoleBinding", metadata, roleRef, subjects },
    ];
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    await cluster.kubectl(["apply", "--filename", "-"], { input });
    people.set(name, await cluster.serviceAccountKubeconfig(namespace, name));
  }
  tokenOfViewer = await cluster.token({
    ...{ namespace, serviceAccount: "viewer", audience: "gander-operator" },
  });
}

async function connect(node: string, replica: OperatorProcess): Promise<SimulatedSensor> {
  const { token } = await createSensorPod(cluster, node);
  const ca = await operatorAuthorities(cluster);
  const sensor = new SimulatedSensor(replica.sensorPort, node, { token, ca });
  sensors.set(node, sensor);
  return sensor;
}

type Asked = { readonly status: number; readonly out: string; readonly err: string };

/** Runs `gander` in this process; `signal` is Ctrl-C. */
async function gander(
  line: string,
  { signal = new AbortController().signal, env = {}, onOut = () => {} }: GanderOptions = {},
): Promise<Asked> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdout.on("data", (chunk: Buffer) => onOut(chunk.toString()));
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const argv = line.split(" ");
  const status = await runCli(argv, { stdin, stdout, stderr, env, signal });
  stdout.end();
  stderr.end();
  const [out, err] = await outputs;
  return { status, out, err };
}

type GanderOptions = {
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  readonly onOut?: (text: string) => void;
};

const as = (name: string) => `--kubeconfig ${people.get(name)}`;
const at = (replica: OperatorProcess | undefined) => `--operator ${replica?.apiAddress}`;

const policyOf = (value: number) =>
  tracingPolicy("guard", {
    spec: {
      kprobes: [
        {
          call: "security_file_permission",
          syscall: false,
          args: [{ index: 1, type: "int" }],
          selectors: [{ matchArgs: [{ index: 1, operator: "Equal", values: [String(value)] }] }],
        },
      ],
    },
  });

async function apply(value: number): Promise<void> {
  await cluster.kubectl(["apply", "--filename", "-"], { input: policyOf(value) });
}

/** Waits until every node has answered for the generation. */
async function inForce(generation: number): Promise<void> {
  const seen: { last?: Asked } = {};
  await until(
    `generation ${generation} is in force on both nodes`,
    async () => {
      const asked = await gander(`policy status guard --nodes ${at(replicas[0])} ${as("viewer")}`);
      seen.last = asked;
      const isNew = asked.out.startsWith(`guard: generation ${generation},`);
      return asked.status === 0 && isNew && asked.out.includes("ready on 2 of 2");
    },
    { seen: () => JSON.stringify(seen.last) },
  );
}

describe("gander for a fleet", () => {
  it("any replica tells of all nodes and replicas", async () => {
    for (const replica of replicas) {
      const found = await until("both sensors are seen", async () => {
        const { status, out } = await gander(`status ${at(replica)} ${as("viewer")}`);
        return status === 0 && out.includes("2 of 2 have a connected sensor") && out;
      });
      expect(found).toMatch(/^ready: operator \d/);
      expect(found).toContain("replica one: 1 sensors");
      expect(found).toContain("replica two: 1 sensors");
      expect(found.match(/writes status/g)?.length).toBe(1);
    }
  });

  it("tells of a policy on every node, wherever its sensor is connected", async () => {
    await apply(1);
    await inForce(1);
    const { stdout: uid } = await cluster.kubectl([
      ...["get", "tracingpolicy/guard", "--output=jsonpath={.metadata.uid}"],
    ]);
    sensors.get("node-a")?.counted({ uid, hits: "5", emitted: "5" });
    sensors.get("node-b")?.counted({ uid, hits: "7", emitted: "6", lost: "1", enforced: "2" });
    for (const replica of replicas)
      await until("the counts of both are there", async () => {
        const { out } = await gander(`policy status guard --nodes ${at(replica)} ${as("viewer")}`);
        return (
          out.includes("hits: 12 (11 events, 0 filtered out, 0 suppressed, 1 lost), 2 enforced") &&
          /node-a +ready +1 +5 +0/.test(out) &&
          /node-b +ready +1 +7 +2/.test(out)
        );
      });
    const { out } = await gander(`policy list -o json ${at(replicas[1])} ${as("viewer")}`);
    expect(JSON.parse(out)).toMatchObject([{ name: "guard", nodes: 2, ready: 2 }]);
  });

  it("names the node that can't and why", async () => {
    const sensor = sensors.get("node-b");
    if (sensor === undefined) throw new Error("no sensor");
    const { stdout: uid } = await cluster.kubectl([
      ...["get", "tracingpolicy/guard", "--output=jsonpath={.metadata.uid}"],
    ]);
    sensor.exceptions = [
      { uid, state: "POLICY_STATE_FAILED", code: "hook-missing", message: "no such function" },
    ];
    await apply(2);
    const asked = await until("the failure is told", async () => {
      const found = await gander(`policy status guard ${at(replicas[0])} ${as("viewer")}`);
      return found.out.includes("1 failed") && found;
    });
    expect(asked.status).toBe(1);
    expect(asked.out).toContain("failed on node-b: no such function (hook-missing)");
    sensor.exceptions = [];
  });

  it("shows history and differences, and goes back", async () => {
    await apply(3);
    await inForce(3);
    const history = await until("all revisions are kept", async () => {
      const { out } = await gander(`policy history guard ${as("editor")}`);
      return /^ +3 /m.test(out) && out;
    });
    expect(history).toMatch(/^ +3 +\S+Z +\+1 -1 +current$/m);
    expect(history).toMatch(/^ +1 +\S+Z +-$/m);
    const diff = await gander(`policy diff guard 1 ${as("editor")}`);
    expect(diff.out).toMatch(/^-.*"1"$/m);
    expect(diff.out).toMatch(/^\+.*"3"$/m);

    const refused = await gander(`policy rollback guard --to-revision 9 ${as("editor")}`);
    expect(refused).toMatchObject({ status: 1, err: expect.stringContaining("has kept: 3, 2, 1") });
    const forbidden = await gander(`policy rollback guard --to-revision 1 ${as("viewer")}`);
    expect(forbidden.status).toBe(1);
    expect(forbidden.err).toContain("forbidden");
    const dry = await gander(`policy rollback guard --to-revision 1 --dry-run ${as("editor")}`);
    expect(dry.out).toContain("nothing was changed");

    const back = await gander(`policy rollback guard --to-revision 1 ${as("editor")}`);
    expect(back.out).toContain("has the spec of revision 1 again, as generation 4");
    expect(back.err).toContain("Git");
    await inForce(4);
    const same = await gander(`policy diff guard 1 4 ${as("editor")}`);
    expect(same.out).toContain("are the same");
  });

  it("does the same for a policy of a namespace", async () => {
    await createNamespace(cluster.client, "shop");
    const write = (prefix: string) => {
      const guard = { name: "door", namespace: "shop", prefixes: [prefix] };
      return cluster.kubectl(["apply", "--filename", "-"], { input: guardPolicy(guard) });
    };
    await write("/srv/old/");
    const shop = `-n shop ${as("editor")}`;
    const kept = (generation: number) =>
      until(`revision ${generation} is kept`, async () => {
        const { out } = await gander(`policy history door ${shop}`);
        return new RegExp(`^ +${generation} .*current$`, "m").test(out);
      });
    await kept(1);
    await write("/srv/new/");
    await kept(2);
    expect((await gander(`policy diff door ${shop}`)).out).toMatch(/^-.*old[\s\S]*^\+.*new/m);
    // Without a revision: to the previous one.
    expect((await gander(`policy rollback door ${shop}`)).out).toContain("as generation 3");
    await kept(3);
    const told = await gander(`policy status door ${at(replicas[0])} -n shop ${as("viewer")}`);
    expect(told.out).toMatch(/^shop\/door: generation 3, mode enforce\n/);
    const elsewhere = await gander(`policy history door ${as("editor")}`);
    expect(elsewhere).toMatchObject({ status: 1, err: expect.stringContaining("-n NAME") });
  });

  it("shows events of all nodes to those who may watch", async () => {
    const stop = new AbortController();
    let seen = "";
    const watching = gander(`events ${at(replicas[1])} ${as("watcher")}`, {
      signal: stop.signal,
      onOut: (text) => {
        seen += text;
      },
    });
    await until("the sensors are watched", async () =>
      [...sensors.values()].every(({ orders }) => orders.size === 1),
    );
    for (const sensor of sensors.values()) sensor.publish(2);
    const names = () =>
      seen
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line).node_name)
        .sort();
    await until("all events are shown", async () => names().length === 4);
    expect(names()).toEqual(["node-a", "node-a", "node-b", "node-b"]);
    stop.abort();
    expect((await watching).status).toBe(0);
    await until("nobody is watched any more", async () =>
      [...sensors.values()].every(({ orders }) => orders.size === 0),
    );
  });

  it("refuses others, and says what they lack", async () => {
    const events = await gander(`events ${at(replicas[0])} ${as("viewer")}`);
    expect(events).toMatchObject({
      status: 1,
      err: expect.stringContaining("may not watch events"),
    });
    const nobody = await gander(`status ${at(replicas[0])} ${as("nobody")}`);
    expect(nobody).toMatchObject({
      status: 1,
      err: expect.stringContaining("may not get policystatuses.gander.dev"),
    });
    const certificate = await gander(
      `status ${at(replicas[0])} --kubeconfig ${cluster.kubeconfig}`,
    );
    expect(certificate.err).toContain("kubectl create token");
    const ca = join(cluster.directory, "operator-ca.pem");
    writeFileSync(ca, await operatorAuthorities(cluster));
    const direct = `status ${at(replicas[0])} --operator-ca ${ca}`;
    expect(await gander(direct, { env: { GANDER_TOKEN: tokenOfViewer } })).toMatchObject({
      status: 0,
      err: "",
    });
    expect((await gander(direct, { env: { GANDER_TOKEN: "made.up.token" } })).err).toContain(
      "doesn't accept the token",
    );
  });

  it("goes on when the replica that writes is killed", async () => {
    const lease = await cluster.kubectl([
      ...["get", "lease/gander-operator", `--namespace=${namespace}`],
      "--output=jsonpath={.spec.holderIdentity}",
    ]);
    const [first, second] = replicas;
    const isFirst = lease.stdout.startsWith("one_");
    const [gone, left] = isFirst ? [first, second] : [second, first];
    await gone?.stop("SIGKILL");
    const away = await until("the other knows that a sensor is away", async () => {
      const found = await gander(`status ${at(left)} ${as("viewer")}`);
      return found.out.includes("1 of 2 have a connected sensor") && found;
    });
    expect(away.status).toBe(1);
    if (left === undefined) throw new Error("no replica");
    sensors.get(isFirst ? "node-a" : "node-b")?.[Symbol.dispose]();
    await connect(isFirst ? "node-a" : "node-b", left);
    await until("the sensor has come to the other", async () => {
      const found = await gander(`status ${at(left)} ${as("viewer")}`);
      return found.status === 0 && found.out.includes("2 of 2 have a connected sensor");
    });
  });
});
