// SPDX-License-Identifier: Apache-2.0
// The operator's records of policies: statuses, revisions, Events; and the policies that nodes get meanwhile.
// The sensors are simulated: they speak the real protocol. The operator has only the chart's rights.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ControlPlane } from "./control-plane.ts";
import { createNamespace } from "./lib/cluster-objects.ts";
import { freePorts } from "./lib/free-ports.ts";
import {
  type OperatorProcess,
  operatorAuthorities,
  startOperator as startReplica,
} from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { startPreparedControlPlane } from "./lib/sensor-pod.ts";
import { SimulatedNode } from "./lib/simulated-node.ts";
import { expectFixture } from "./lib/status-fixture.ts";
import { until } from "./lib/until.ts";

let cluster: ControlPlane;
let operator: OperatorProcess;
let kubeconfig: string;
let ca: string;
const nodes: SimulatedNode[] = [];
/** All operators ever started. */
const operators: OperatorProcess[] = [];

const startOperator: typeof startReplica = (...args) => {
  const replica = startReplica(...args);
  operators.push(replica);
  return replica;
};

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  kubeconfig = await grantOperatorRights(cluster);
  for (const n of [1, 2, 3, 4, 5])
    nodes.push(await SimulatedNode.create(cluster, { name: `node-${n}` }));
});

afterAll(async () => {
  for (const node of nodes) node[Symbol.dispose]();
  await operator?.stop();
  await cluster?.[Symbol.asyncDispose]();
});

async function text(...args: readonly string[]): Promise<string> {
  return (await cluster.kubectl(args)).stdout;
}

type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
};
type Shown = {
  readonly metadata: { readonly generation: number; readonly uid: string };
  readonly status?: {
    readonly observedGeneration: number;
    readonly revision?: number;
    readonly conditions?: readonly Condition[];
    readonly nodes?: { readonly readyOfTotal: string };
  };
};

const show = async (kind: string, name: string): Promise<Shown> =>
  JSON.parse(await text("get", kind, name, "--output=json"));

/** `Ready=False RollingOut`, for the generation in the API. */
function summary({ metadata, status }: Shown): string {
  if (status?.observedGeneration !== metadata.generation) return "not yet seen";
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  return `Ready=${ready?.status} ${ready?.reason} revision ${status.revision ?? "none"} ${status.nodes?.readyOfTotal}`;
}

async function eventually(name: string, expected: string, kind = "tracingpolicy"): Promise<Shown> {
  let last: Shown | undefined;
  return until(
    `${name} is ${expected}`,
    async () => {
      last = await show(kind, name);
      return summary(last) === expected ? last : undefined;
    },
    {
      timeoutMs: 40_000,
      seen: () =>
        JSON.stringify({
          is: last && summary(last),
          ended: nodes.map(({ ending }) => ending),
          status: last?.status,
        }),
    },
  );
}

const conditionOf = ({ status }: Shown, type: string): Condition | undefined =>
  status?.conditions?.find((one) => one.type === type);

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

const apply = (name: string, path: string, annotations: Record<string, string> = {}) =>
  cluster.kubectl(["apply", "--filename", "-"], {
    input: JSON.stringify({
      apiVersion: "cilium.io/v1alpha1",
      kind: "TracingPolicy",
      metadata: { name, annotations },
      spec: mounts(path),
    }),
  });

const annotate = (name: string, ...annotations: readonly string[]) =>
  cluster.kubectl(["annotate", "tracingpolicy", name, "--overwrite", ...annotations]);

const generations = (name: string) => nodes.map((node) => node.generationOf(name));
const revisionsOf = async (uid: string) =>
  (
    await text(
      "get",
      "controllerrevisions",
      "--all-namespaces",
      `--selector=gander.dev/policy-uid=${uid}`,
      "--sort-by=.revision",
      "--output=jsonpath={.items[*].revision}",
    )
  )
    .split(" ")
    .filter((one) => one !== "")
    .map(Number);

const eventsOf = async (uid: string) =>
  text(
    "get",
    "events",
    "--namespace=default",
    `--field-selector=involvedObject.uid=${uid}`,
    "--output=jsonpath={.items[*].reason}",
  );

describe("a policy that no operator has seen", () => {
  it("doesn't look finished", async () => {
    await apply("guard", "/mnt/");
    await expectFixture(cluster, "not-yet-seen", "guard");
    await cluster.kubectl(["delete", "tracingpolicy", "guard"]);
  });
});

describe("a policy", () => {
  // One test's answers must not affect the next.
  afterEach(() => {
    for (const node of nodes) {
      node.release();
      node.answer = () => undefined;
    }
  });
  beforeAll(async () => {
    operator = startOperator(cluster, { name: "operator-1", kubeconfig });
    await operator.whenServing();
    ca = await operatorAuthorities(cluster);
    for (const node of nodes) node.connect(operator.sensorPort, ca);
  });

  it("is ready when all nodes answered, and not before", async () => {
    for (const node of nodes.slice(3)) node.hold();
    await apply("guard", "/mnt/");
    const waiting = await eventually("guard", "Ready=False RollingOut revision 1 3/5");
    expect(conditionOf(waiting, "Reconciling")).toMatchObject({ status: "True" });
    expect(conditionOf(waiting, "Programmed")).toMatchObject({ status: "False" });
    await expectFixture(cluster, "rolling-out", "guard");
    for (const node of nodes) node.release();
    await cluster.kubectl([
      "wait",
      "--for=condition=Ready",
      "tracingpolicy/guard",
      "--timeout=30s",
    ]);
    await cluster.kubectl(["wait", "--for=condition=Ready", "policystatus/guard", "--timeout=30s"]);
    const ready = await show("tracingpolicy", "guard");
    expect(summary(ready)).toBe("Ready=True AllNodesReady revision 1 5/5");
    for (const condition of ready.status?.conditions ?? [])
      expect(condition.observedGeneration).toBe(1);
    expect(await revisionsOf(ready.metadata.uid)).toEqual([1]);
    await expectFixture(cluster, "ready", "guard");
  });

  it("shows in columns what a person looks for", async () => {
    const { uid } = (await show("tracingpolicy", "guard")).metadata;
    nodes[0]?.count([{ uid, hits: "40", enforced: "2", lost: "1" }]);
    const row = await until(
      "its counts are shown",
      async () => {
        const rows = await text("get", "tracingpolicies", "guard", "--output=wide");
        return /\s40\s/.test(rows) ? rows : undefined;
      },
      { timeoutMs: 60_000 },
    );
    expect(
      row
        .split("\n")[0]
        ?.split(/\s{2,}|\s+/)
        .filter(Boolean),
    ).toEqual("NAME MODE READY REVISION HITS ENFORCED LOST AGE REASON MESSAGE".split(" "));
    expect(row).toMatch(
      /^guard\s+monitor-only\s+5\/5\s+1\s+40\s+2\s+1\s+\S+\s+AllNodesReady\s+Ready on 5 of 5 nodes/m,
    );
    expect(await text("get", "policystatus", "guard")).toMatch(
      /^guard\s+monitor-only\s+5\/5\s+1\s+40\s+2\s+1\s+\S+\s+AllNodesReady$/m,
    );
  });

  it("names a node where it failed, and why", async () => {
    const [node] = nodes;
    if (node === undefined) throw new Error("there is no node");
    node.answer = ({ name, generation }) =>
      name === "guard" && generation === 2
        ? {
            state: "POLICY_STATE_FAILED",
            code: "hook-not-found",
            message: "no such function",
            running_generation: "1",
          }
        : undefined;
    await apply("guard", "/media/");
    const failed = await eventually("guard", "Ready=False NodesFailed revision 2 4/5");
    expect(conditionOf(failed, "Stalled")).toMatchObject({ status: "True" });
    expect(conditionOf(failed, "Reconciling")).toMatchObject({ status: "False" });
    expect(conditionOf(failed, "Ready")?.message).toBe(
      "Ready on 4 of 5 nodes; 1 failed. node-1: failed, no such function (hook-not-found), generation 1 stays in force",
    );
    const rollUp = JSON.parse(await text("get", "policystatus", "guard", "--output=json"));
    expect(rollUp.status).toMatchObject({
      states: { ready: 4, failed: 1 },
      worstNodes: [
        { name: "node-1", state: "failed", reason: "hook-not-found", runningRevision: 1 },
      ],
    });
    await expectFixture(cluster, "some-failed", "guard");
    node.answer = () => undefined;
    node.answerAgain();
    const { metadata } = await eventually("guard", "Ready=True AllNodesReady revision 2 5/5");
    expect(await revisionsOf(metadata.uid)).toEqual([1, 2]);
    await until("Events tell of it", async () => {
      const reasons = (await eventsOf(metadata.uid)).split(" ");
      return ["AllNodesReady", "NodesFailed"].every((reason) => reasons.includes(reason));
    });
  });

  it("of a sensor that went is not known to be in force", async () => {
    nodes[1]?.disconnect();
    const away = await eventually("guard", "Ready=False NodesDisconnected revision 2 4/5");
    expect(conditionOf(away, "Ready")?.message).toContain("node-2: disconnected");
    nodes[1]?.connect(operator.sensorPort, ca);
    await eventually("guard", "Ready=True AllNodesReady revision 2 5/5");
  });

  it("that no kernel can do is unsupported everywhere", async () => {
    for (const node of nodes)
      node.answer = ({ name }) =>
        name === "impossible"
          ? { state: "POLICY_STATE_UNSUPPORTED", code: "kernel-unsupported", message: "no BTF" }
          : undefined;
    await apply("impossible", "/opt/");
    await eventually("impossible", "Ready=False UnsupportedEverywhere revision 1 0/5");
    await expectFixture(cluster, "unsupported", "impossible");
    for (const node of nodes) node.answer = () => undefined;
  });

  it("that is paused keeps its generation until it is no longer", async () => {
    await annotate("guard", "gander.dev/paused=true");
    await apply("guard", "/srv/", { "gander.dev/paused": "true" });
    const held = await eventually("guard", "Ready=False Paused revision 2 5/5");
    expect(conditionOf(held, "Reconciling")).toMatchObject({ status: "True", reason: "Paused" });
    expect(generations("guard")).toEqual([2, 2, 2, 2, 2]);
    await expectFixture(cluster, "paused", "guard");
    await annotate("guard", "gander.dev/paused-");
    await eventually("guard", "Ready=True AllNodesReady revision 3 5/5");
    expect(generations("guard")).toEqual([3, 3, 3, 3, 3]);
  });

  it("whose new generation can't be compiled goes on with the last good one", async () => {
    const argument = { index: 1, operator: "Equal", values: ["not a number"] };
    const broken = {
      kprobes: [
        {
          call: "sys_dup2",
          syscall: true,
          args: [{ index: 1, type: "int" }],
          selectors: [{ matchArgs: [argument] }],
        },
      ],
    };
    const patch = JSON.stringify({ spec: broken });
    await cluster.kubectl(["patch", "tracingpolicy", "guard", "--type=merge", `--patch=${patch}`]);
    const rejected = await eventually("guard", "Ready=False Invalid revision 3 5/5");
    expect(conditionOf(rejected, "Accepted")).toMatchObject({ status: "False", reason: "Invalid" });
    expect(conditionOf(rejected, "Accepted")?.message).toContain(
      "spec.kprobes[0].selectors[0].matchArgs[0]",
    );
    expect(generations("guard")).toEqual([3, 3, 3, 3, 3]);
    await operator.stop("SIGKILL");
    operator = startOperator(cluster, { name: "operator-1", kubeconfig });
    await operator.whenServing();
    for (const node of nodes) node.connect(operator.sensorPort, ca);
    await until("nodes have the last good one again", async () =>
      generations("guard").every((one) => one === 3),
    );
    await apply("guard", "/mnt/");
    await eventually("guard", "Ready=True AllNodesReady revision 5 5/5");
  });
});

const oneHourCanary = {
  "gander.dev/rollout": "canary",
  "gander.dev/canary": "40%",
  "gander.dev/canary-duration": "1h",
};

describe("a canary", () => {
  const count = (name: string, generation: number) =>
    generations(name).filter((one) => one === generation).length;

  it("goes to some nodes first, the same after a restart, and to all when promoted", async () => {
    await apply("careful", "/mnt/");
    await eventually("careful", "Ready=True AllNodesReady revision 1 5/5");
    await apply("careful", "/media/", oneHourCanary);
    await eventually("careful", "Ready=False Canary revision 2 2/5");
    const first = generations("careful");
    expect([count("careful", 1), count("careful", 2)]).toEqual([3, 2]);

    await operator.stop("SIGKILL");
    operator = startOperator(cluster, { name: "operator-2", kubeconfig });
    await operator.whenServing();
    for (const node of nodes) node.connect(operator.sensorPort, ca);
    await until("nodes have what they had", async () =>
      generations("careful").every((one) => one !== undefined),
    );
    expect(generations("careful")).toEqual(first);

    await annotate("careful", "gander.dev/promote=2");
    await eventually("careful", "Ready=True AllNodesReady revision 2 5/5");
    expect(count("careful", 2)).toBe(5);
  });

  it("goes to the rest by itself after a time without failures", async () => {
    await apply("careful", "/srv/", { ...oneHourCanary, "gander.dev/canary-duration": "3s" });
    await eventually("careful", "Ready=True AllNodesReady revision 3 5/5");
  });

  it("with a failure stops, until it is taken back", async () => {
    for (const node of nodes)
      node.answer = ({ name, generation }) =>
        name === "careful" && generation === 4
          ? {
              state: "POLICY_STATE_FAILED",
              code: "hook-not-found",
              message: "no such function",
              running_generation: "3",
            }
          : undefined;
    await apply("careful", "/opt/", { ...oneHourCanary, "gander.dev/canary-duration": "1s" });
    const failed = await eventually("careful", "Ready=False CanaryFailed revision 4 0/5");
    expect(conditionOf(failed, "Stalled")).toMatchObject({ status: "True" });
    expect([count("careful", 3), count("careful", 4)]).toEqual([3, 2]);

    await annotate("careful", "gander.dev/abort=4");
    await eventually("careful", "Ready=False Aborted revision 3 5/5");
    expect(count("careful", 3)).toBe(5);
    // The decision outlives the annotation that requested it.
    await annotate("careful", "gander.dev/abort-");
    const aborted = await eventually("careful", "Ready=False Aborted revision 3 5/5");
    expect(conditionOf(aborted, "Stalled")).toMatchObject({ status: "True", reason: "Aborted" });
    for (const node of nodes) node.answer = () => undefined;
  });
});

describe("revisions", () => {
  it("are the last ten, and what nodes have", async () => {
    await annotate("careful", "gander.dev/rollout-", "gander.dev/paused=true");
    for (let i = 0; i < 12; i++)
      await apply("careful", `/generation/${i}/`, { "gander.dev/paused": "true" });
    const { metadata } = await eventually("careful", "Ready=False Paused revision 3 5/5");
    expect(metadata.generation).toBe(16);
    await until("old ones are gone", async () => {
      const kept = await revisionsOf(metadata.uid);
      return kept.join() === "3,7,8,9,10,11,12,13,14,15,16";
    });
    await annotate("careful", "gander.dev/paused-");
    await eventually("careful", "Ready=True AllNodesReady revision 16 5/5");
    await until("the oldest is gone", async () => (await revisionsOf(metadata.uid)).length === 10);
  });
});

describe("two replicas", () => {
  it("count all nodes, and give each the same when the leader is killed", async () => {
    const [first, second] = await freePorts(2);
    const addresses = (port = 0) => [
      `--api-address=127.0.0.1:${port}`,
      `--advertise-address=127.0.0.1:${port}`,
    ];
    await operator.stop();
    const start = (name: string, port: number | undefined) =>
      startOperator(cluster, { name, kubeconfig, flags: addresses(port) });
    operator = start("leader", first);
    await operator.whenServing();
    const other = start("follower", second);
    try {
      await other.whenServing();
      for (const [i, node] of nodes.entries())
        node.connect(i < 2 ? operator.sensorPort : other.sensorPort, ca);
      await eventually("careful", "Ready=True AllNodesReady revision 16 5/5");
      await apply("careful", "/two/", oneHourCanary);
      await eventually("careful", "Ready=False Canary revision 17 2/5");
      const given = generations("careful");
      await operator.stop("SIGKILL");
      for (const node of nodes.slice(0, 2)) node.connect(other.sensorPort, ca);
      await until("nodes have what they had", async () =>
        generations("careful").every((one) => one !== undefined),
      );
      expect(generations("careful")).toEqual(given);
      await annotate("careful", "gander.dev/promote=17");
      await eventually("careful", "Ready=True AllNodesReady revision 17 5/5");
    } finally {
      await operator.stop();
      operator = other;
    }
  });
});

describe("the rights of the chart", () => {
  it("are all that is needed", async () => {
    await operator.stop();
    const [port] = await freePorts(1);
    const url = `127.0.0.1:${port}`;
    const flags = [`--webhook-address=${url}`, `--webhook-url=https://${url}`];
    operator = startOperator(cluster, { name: "with-webhook", kubeconfig, flags });
    await operator.whenServing();
    const webhook = ["validatingwebhookconfigurations", "gander-policies", "--ignore-not-found"];
    await until("the webhook is there", async () => (await text("get", ...webhook)) !== "");
    await operator.stop();
    await text("delete", ...webhook);
    const denied = operators.flatMap((one) =>
      one.log().filter((line) => JSON.stringify(line).includes("kube-forbidden")),
    );
    expect(denied).toEqual([]);
  });
});

describe("a GuardPolicy", () => {
  const applyGuard = (kind: "GuardPolicy" | "TracingPolicy", more: object) => {
    const apiVersion = kind === "GuardPolicy" ? "gander.dev/v1alpha1" : "cilium.io/v1alpha1";
    const [hook] = mounts("/mnt/").kprobes;
    const spec = { kprobes: [{ ...hook, selectors: [{ ...hook?.selectors[0], ...more }] }] };
    const object = { apiVersion, kind, metadata: { name: "sockets" }, spec };
    return cluster.kubectl(["apply", "--filename=-"], { input: JSON.stringify(object) });
  };
  const ofASocket = {
    matchProcess: [{ property: "StandardInput", operator: "In", values: ["socket"] }],
  };
  const ownerOf = async () =>
    text("get", "policystatus", "sockets", "--output=jsonpath={.metadata.ownerReferences[0].kind}");

  it("has what a TracingPolicy may not have, and the same status", async () => {
    await operator.stop();
    operator = startOperator(cluster, { name: "operator-guards", kubeconfig });
    await operator.whenServing();
    for (const node of nodes) node.connect(operator.sensorPort, ca);
    await expect(applyGuard("TracingPolicy", ofASocket)).rejects.toThrow(
      /unknown field.*matchProcess/,
    );
    await applyGuard("GuardPolicy", ofASocket);
    await eventually("sockets", "Ready=True AllNodesReady revision 1 5/5", "guardpolicy");
    expect(generations("sockets")).toEqual([1, 1, 1, 1, 1]);
    expect(await ownerOf()).toBe("GuardPolicy");
    const { stdout } = await cluster.kubectl(["get", "gander"]);
    expect(stdout).toMatch(/^guardpolicy\.gander\.dev\/sockets +monitor-only +5\/5 +1 /m);
  });

  it("keeps its name from a TracingPolicy until it goes", async () => {
    await applyGuard("TracingPolicy", {});
    const refused = await eventually("sockets", "Ready=False Invalid revision none 0/0");
    expect(conditionOf(refused, "Accepted")?.message).toContain(
      'There is a GuardPolicy "sockets" already',
    );
    expect(summary(await show("guardpolicy", "sockets"))).toContain("Ready=True");
    expect(await ownerOf()).toBe("GuardPolicy");
    await cluster.kubectl(["delete", "guardpolicy", "sockets"]);
    await eventually("sockets", "Ready=True AllNodesReady revision 1 5/5");
    await until("the status is of the other", async () => (await ownerOf()) === "TracingPolicy");
    await cluster.kubectl(["delete", "tracingpolicy", "sockets"]);
    await until("it is gone", async () => nodes.every(({ policies }) => !policies.has("sockets")));
  });
});

describe("what is left of a policy", () => {
  it("is nothing when it is deleted, also while no operator is there", async () => {
    await operator.stop();
    const uids = await Promise.all(
      ["guard", "careful", "impossible"].map(
        async (name) => (await show("tracingpolicy", name)).metadata.uid,
      ),
    );
    await cluster.kubectl(["delete", "tracingpolicy", "impossible"]);
    operator = startOperator(cluster, { name: "operator-3", kubeconfig });
    await operator.whenServing();
    for (const node of nodes) node.connect(operator.sensorPort, ca);
    await cluster.kubectl(["delete", "tracingpolicy", "guard", "careful"]);
    await until("all is gone", async () => {
      const left = await text("get", "policystatuses", "--output=name");
      const revisions = (await Promise.all(uids.map(revisionsOf))).flat();
      return (
        left === "" && revisions.length === 0 && nodes.every(({ policies }) => policies.size === 0)
      );
    });
  });

  it("of a namespace lies in it", async () => {
    await createNamespace(cluster.client, "web");
    await cluster.kubectl(["apply", "--filename", "-"], {
      input: JSON.stringify({
        apiVersion: "cilium.io/v1alpha1",
        kind: "TracingPolicyNamespaced",
        metadata: { name: "own", namespace: "web" },
        spec: mounts("/mnt/"),
      }),
    });
    // The policy's own status is written last, so its PolicyStatus exists by then.
    for (const kind of ["tracingpoliciesnamespaced", "policystatusesnamespaced"]) {
      const what = [`${kind}/own`, "--namespace=web", "--timeout=30s"];
      await cluster.kubectl(["wait", "--for=condition=Ready", ...what]);
    }
    const names = await text("get", "controllerrevisions", "--namespace=web", "--output=name");
    expect(names).toMatch(/^controllerrevision.apps\/own-[0-9a-f]{10}\n$/);
    await cluster.kubectl(["delete", "tracingpoliciesnamespaced", "own", "--namespace=web"]);
    await until("all is gone", async () => {
      const what = "policystatusesnamespaced,controllerrevisions";
      return (await text("get", what, "--namespace=web", "--output=name")) === "";
    });
  });
});
