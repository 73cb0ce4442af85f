// SPDX-License-Identifier: Apache-2.0
// Sets of values in a cluster: ValueSets and those that the operator fills, from the API to nodes and statuses.
import { digestText, encodeSet } from "@gander/policy/content";
import type { PolicyHead } from "@gander/proto/stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SeenVersion, TestSensor } from "../../packages/operator/test/test-sensor.ts";
import type { ControlPlane } from "./control-plane.ts";
import { createNode } from "./lib/cluster-objects.ts";
import { KubectlError } from "./lib/kubectl.ts";
import {
  type OperatorProcess,
  operatorAuthorities,
  startOperator,
} from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { createSensorPod, startPreparedControlPlane } from "./lib/sensor-pod.ts";
import { until } from "./lib/until.ts";

let cluster: ControlPlane;
let operator: OperatorProcess;
let sensor: TestSensor;
/** The node's policies by name, as last offered. */
const heads = new Map<string, PolicyHead>();

/** Of the operator, and of the sensor on node-a. */
let rights: string;
let token: string;

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  await createNode(cluster.client, "node-a");
  ({ token } = await createSensorPod(cluster, "node-a"));
  rights = await grantOperatorRights(cluster);
  await connect("operator-1");
});

/** Starts an operator, and a sensor that has nothing. */
async function connect(name: string): Promise<void> {
  const flags = ["--webhook-url=https://127.0.0.1:0"];
  operator = startOperator(cluster, { name, kubeconfig: rights, flags });
  await operator.whenServing();
  sensor = new TestSensor(operator.sensorPort, token, await operatorAuthorities(cluster));
  sensor.hello({ node: "node-a" });
  heads.clear();
}

/** Stores objects past the webhook: the operator does not answer, and the API server goes on without it. */
async function applyUnseen(...objects: readonly object[]): Promise<void> {
  process.kill(operator.pid, "SIGSTOP");
  try {
    for (const object of objects) await apply(object);
  } finally {
    process.kill(operator.pid, "SIGCONT");
  }
}

afterAll(async () => {
  sensor?.[Symbol.dispose]();
  await operator?.stop();
  await cluster?.[Symbol.asyncDispose]();
});

const set = (name: string, values: readonly string[]) => ({
  apiVersion: "gander.dev/v1alpha1",
  kind: "ValueSet",
  metadata: { name },
  spec: { values },
});

const guard = (name: string, value: string, operator = "DAddr") => ({
  apiVersion: "gander.dev/v1alpha1",
  kind: "GuardPolicy",
  metadata: { name },
  spec: {
    kprobes: [
      {
        call: "tcp_connect",
        syscall: false,
        args: [{ index: 0, type: "sock" }],
        selectors: [{ matchArgs: [{ index: 0, operator, values: [value] }] }],
      },
    ],
  },
});

const apply = (object: object) =>
  cluster.kubectl(["apply", "--filename=-"], { input: JSON.stringify(object) });

/** Why the webhook refuses it; undefined: it does not. */
async function refusalOf(object: object): Promise<string | undefined> {
  try {
    await apply(object);
    return undefined;
  } catch (error) {
    if (error instanceof KubectlError) return error.stderr;
    throw error;
  }
}

/** Takes versions and remembers their policies until one fits; answers all but that one. */
async function versionThat(fits: (version: SeenVersion) => boolean): Promise<SeenVersion> {
  for (;;) {
    const version = await sensor.version();
    for (const { put = [] } of version.offers)
      for (const head of put) heads.set(head.name ?? "", head);
    if (fits(version)) return version;
    sensor.ack(version.commit);
  }
}

const digestOfSet = (values: readonly string[]) => encodeSet({ values }).digest;

/** Digest of a policy's set; "": there is none. */
const setOf = (policy: string) =>
  digestText(heads.get(policy)?.sets?.[0]?.digest ?? Buffer.alloc(0));
const none = digestText(Buffer.alloc(0));

const namesIn = ({ offers }: SeenVersion) =>
  offers.flatMap(({ put = [] }) => put.map(({ name }) => name)).sort();

type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
};

async function readyOf(policy: string): Promise<Condition | undefined> {
  const { stdout } = await cluster.kubectl(["get", "guardpolicy", policy, "--output=json"]);
  const { status } = JSON.parse(stdout) as { status?: { conditions?: readonly Condition[] } };
  return status?.conditions?.find(({ type }) => type === "Ready");
}

async function untilReady(policy: string, reason: string): Promise<Condition> {
  let last: Condition | undefined;
  return until(
    `${policy} is ${reason}`,
    async () => {
      last = await readyOf(policy);
      return last?.reason === reason && last;
    },
    { seen: () => JSON.stringify(last) },
  );
}

describe("a ValueSet", () => {
  it("goes to a node once, for all the policies that name it", async () => {
    await apply(set("cloud", ["169.254.169.254", "fd00:ec2::254"]));
    await apply(guard("one", "set:cloud"));
    await apply(guard("two", "set:cloud"));
    const contents: string[] = [];
    const version = await versionThat((seen) => {
      contents.push(...seen.contents);
      return heads.has("one") && heads.has("two");
    });
    sensor.ack(version.commit);
    const digest = digestOfSet(["169.254.169.254", "fd00:ec2::254"]);
    expect([setOf("one"), setOf("two")]).toEqual([digest, digest]);
    expect(contents.filter((one) => one === digest)).toHaveLength(1);
    // Both policies have the same spec, so they have the same content.
    expect(contents).toHaveLength(2);
    await untilReady("one", "AllNodesReady");
  });

  it("changes in one version, without the policies' contents; these are not Ready until the node has it", async () => {
    await apply(set("cloud", ["169.254.169.254"]));
    const digest = digestOfSet(["169.254.169.254"]);
    const version = await versionThat((seen) => seen.contents.includes(digest));
    expect(version.contents).toEqual([digest]);
    expect(namesIn(version)).toEqual(["one", "two"]);
    expect([setOf("one"), setOf("two")]).toEqual([digest, digest]);
    await untilReady("one", "RollingOut");
    await untilReady("two", "RollingOut");
    sensor.ack(version.commit);
    await untilReady("one", "AllNodesReady");
    await untilReady("two", "AllNodesReady");
    const { stdout } = await cluster.kubectl(["get", "guardpolicy", "one", "--output=json"]);
    expect(JSON.parse(stdout).metadata.generation).toBe(1);
  });

  it("that is wrong, or that a policy cannot have, is refused with the place", async () => {
    await until("the API server asks the operator", async () => {
      const text = await refusalOf(set("cloud", ["10.0.0.0/8", "nonsense"]));
      if (text === undefined) await apply(set("cloud", ["169.254.169.254"]));
      return text?.includes("spec.values[1]") && text;
    });
    const refused = await refusalOf(set("cloud", ["10.0.0.0/8", "nonsense"]));
    expect(refused).toContain('The GuardPolicy "one" cannot have it at spec.kprobes[0]');
    expect(refused).toContain('"nonsense" is not an address');
    expect(await refusalOf(set("cloud", ["set:other"]))).toContain("names a set");
    // The API server alone.
    expect(await refusalOf(set("cloud", []))).toMatch(/spec\.values/);
    expect(await refusalOf(guard("three", "set:cloud", "DPort"))).toContain(
      'Value 1 of the set "cloud": "169.254.169.254"',
    );
    expect(await refusalOf(set("cloud", ["169.254.169.254"]))).toBeUndefined();
  });

  it("that does not exist leaves the policy without nodes, and says so", async () => {
    const { stderr } = await apply(guard("early", "set:later"));
    expect(stderr).toContain('There is no set "later": until there is');
    const version = await versionThat(() => heads.has("early"));
    expect(setOf("early")).toBe(none);
    sensor.ack(version.commit, {
      exceptions: [
        {
          uid: heads.get("early")?.uid ?? "",
          state: "POLICY_STATE_REFUSED",
          code: "bundle-set-missing",
        },
      ],
    });
    const { message } = await untilReady("early", "SetMissing");
    expect(message).toContain('There is no set "later"');
    await apply(set("later", ["10.0.0.1"]));
    const next = await versionThat(() => setOf("early") !== none);
    expect(setOf("early")).toBe(digestOfSet(["10.0.0.1"]));
    sensor.ack(next.commit);
    await untilReady("early", "AllNodesReady");
  });

  it("that is deleted stays on nodes, and the status says that it is gone", async () => {
    await cluster.kubectl(["delete", "valueset", "later"]);
    const version = await versionThat(() => setOf("early") === none);
    expect(namesIn(version)).toEqual(["early"]);
    sensor.ack(version.commit, {
      exceptions: [
        {
          uid: heads.get("early")?.uid ?? "",
          state: "POLICY_STATE_REFUSED",
          code: "bundle-set-missing",
          running_generation: "1",
        },
      ],
    });
    await untilReady("early", "SetMissing");
    expect((await readyOf("one"))?.status).toBe("True");
  });

  it("that is wrong, and came past the webhook, leaves its values in force and its policies not Ready", async () => {
    const [good, wrong] = [["169.254.169.254"], ["10.0.0.1", "set:other"]];
    await applyUnseen(set("cloud", wrong));
    const { message } = await untilReady("one", "SetInvalid");
    expect(message).toContain(
      'The set "cloud" is wrong: spec.values[1]: "set:other" names a set, but a set has no other sets in it. Nodes keep the version that they have, with the values that it has. Ready on 1 of 1 node',
    );
    const shown = await cluster.kubectl(["get", "policystatuses"]);
    expect(shown.stdout).toMatch(/^one .* SetInvalid$/m);
    expect(setOf("one")).toBe(digestOfSet(good));
    await apply(set("cloud", good));
    await untilReady("one", "AllNodesReady");
  });

  it("is shown by kubectl", async () => {
    const { stdout } = await cluster.kubectl(["get", "gvs"]);
    expect(stdout).toMatch(/NAME +AGE\ncloud/);
  });
});

const slice = (service: string, addresses: readonly string[], namespace = "default") => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: {
    name: `${service}-1`,
    namespace,
    labels: { "kubernetes.io/service-name": service },
  },
  addressType: "IPv4",
  ports: [{ port: 443 }],
  endpoints: [{ addresses }],
});

describe("sets that the operator fills", () => {
  it("kubernetes/api-server has the addresses of the API server", async () => {
    // As the API server does it for itself; this one is told not to.
    await apply(slice("kubernetes", ["10.1.1.1", "10.1.1.2"]));
    const { stdout: own } = await cluster.kubectl([
      ...["get", "service/kubernetes", "--output=jsonpath={.spec.clusterIP}"],
    ]);
    await apply(guard("no-api", "set:kubernetes/api-server"));
    const digest = digestOfSet([own, "10.1.1.1", "10.1.1.2"]);
    const version = await versionThat(() => heads.has("no-api") && setOf("no-api") === digest);
    sensor.ack(version.commit);
    await untilReady("no-api", "AllNodesReady");
  });

  it("kubernetes/service/NAMESPACE/NAME follows the Service", async () => {
    await apply(guard("db", "set:kubernetes/service/default/db"));
    const before = await versionThat(() => heads.has("db"));
    expect(setOf("db")).toBe(none);
    sensor.ack(before.commit);
    const taken = await cluster.kubectl(["create", "service", "clusterip", "db", "--tcp=5432"]);
    expect(taken.stdout).toContain("created");
    const { stdout: ip } = await cluster.kubectl([
      ...["get", "service/db", "--output=jsonpath={.spec.clusterIP}"],
    ]);
    sensor.ack((await versionThat(() => setOf("db") === digestOfSet([ip]))).commit);
    await apply(slice("db", ["10.1.2.3"]));
    sensor.ack((await versionThat(() => setOf("db") === digestOfSet([ip, "10.1.2.3"]))).commit);
    await untilReady("db", "AllNodesReady");
  });

  it("a Service whose endpoints come and go is sent at most every 2 s", async () => {
    const { stdout: ip } = await cluster.kubectl([
      ...["get", "service/db", "--output=jsonpath={.spec.clusterIP}"],
    ]);
    const begun = performance.now();
    const last = digestOfSet([ip, "10.1.2.3"]);
    let [flaps, versions] = [0, 0];
    const flapping = (async () => {
      for (; performance.now() - begun < 5_000; flaps++)
        await apply(slice("db", [`10.1.2.${flaps + 10}`]));
      await apply(slice("db", ["10.1.2.3"]));
    })();
    do {
      sensor.ack((await versionThat((seen) => namesIn(seen).includes("db"))).commit);
      versions += 1;
      if (performance.now() - begun > 5_000) await flapping;
    } while (setOf("db") !== last);
    const seconds = (performance.now() - begun) / 1000;
    expect(flaps).toBeGreaterThan(10);
    expect(versions).toBeGreaterThan(1);
    expect(versions).toBeLessThanOrEqual(Math.ceil(seconds / 2) + 1);
    await untilReady("db", "AllNodesReady");
  });

  it("kubernetes/dns has the addresses of the cluster's DNS", async () => {
    const labels = { "k8s-app": "kube-dns" };
    await apply({
      ...{ apiVersion: "v1", kind: "Service" },
      metadata: { name: "kube-dns", namespace: "kube-system", labels },
      spec: { ports: [{ port: 53, protocol: "UDP" }] },
    });
    // Of another name, and still of the DNS.
    const endpoints = slice("node-local-dns", ["10.1.3.3"], "kube-system");
    await apply({
      ...endpoints,
      metadata: { ...endpoints.metadata, labels: { ...endpoints.metadata.labels, ...labels } },
    });
    await apply(slice("other", ["10.1.3.4"], "kube-system"));
    const { stderr } = await apply(guard("no-dns", "set:kubernetes/dns"));
    expect(stderr).toBe("");
    const { stdout: ip } = await cluster.kubectl([
      ...["get", "service/kube-dns", "--namespace=kube-system"],
      "--output=jsonpath={.spec.clusterIP}",
    ]);
    const digest = digestOfSet([ip, "10.1.3.3"].sort());
    sensor.ack((await versionThat(() => heads.has("no-dns") && setOf("no-dns") === digest)).commit);
    await untilReady("no-dns", "AllNodesReady");
  });

  it("kubernetes/nodes has the addresses of nodes", async () => {
    await cluster.kubectl([
      ...["patch", "node", "node-a", "--subresource=status", "--type=merge"],
      `--patch=${JSON.stringify({ status: { addresses: [{ type: "InternalIP", address: "10.9.8.7" }] } })}`,
    ]);
    await apply(guard("nodes", "set:kubernetes/nodes"));
    const digest = digestOfSet(["10.9.8.7"]);
    sensor.ack((await versionThat(() => heads.has("nodes") && setOf("nodes") === digest)).commit);
    await untilReady("nodes", "AllNodesReady");
  });

  it("are those of the generation that nodes have, after the operator was restarted, too", async () => {
    const { stdout: ip } = await cluster.kubectl([
      ...["get", "service/db", "--output=jsonpath={.spec.clusterIP}"],
    ]);
    // The newest generation cannot be used, so the one before stays in force.
    await applyUnseen(guard("db", "set:kubernetes/none of these"));
    const { message } = await untilReady("db", "Invalid");
    expect(message).toContain("Generation 1 stays in force");
    sensor[Symbol.dispose]();
    await operator.stop();
    await connect("operator-2");
    const first = await versionThat(() => heads.has("db"));
    expect([heads.get("db")?.generation, setOf("db")]).toEqual([
      "1",
      digestOfSet([ip, "10.1.2.3"].sort()),
    ]);
    sensor.ack(first.commit);
    await apply(slice("db", ["10.1.2.4"]));
    const changed = digestOfSet([ip, "10.1.2.4"].sort());
    sensor.ack((await versionThat(() => setOf("db") === changed)).commit);
  });
});
