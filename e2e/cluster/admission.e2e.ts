// SPDX-License-Identifier: Apache-2.0
// The API server's answers to policies, with the operator's webhook and without an operator.

import { type Kind, kinds } from "@gander/crd-schemas";
import { KubeError, resourcePath, unfenced } from "@gander/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tellKernel } from "../../packages/operator/test/tell-kernel.ts";
import { TestSensor } from "../../packages/operator/test/test-sensor.ts";
import type { ControlPlane } from "./control-plane.ts";
import { createNamespace, createNode } from "./lib/cluster-objects.ts";
import {
  operatorNamespace as namespace,
  type OperatorProcess,
  operatorAuthorities,
  startOperator,
} from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { type PolicyFixture, policyFixtures } from "./lib/policy-fixtures.ts";
import { createSensorPod, startPreparedControlPlane } from "./lib/sensor-pod.ts";
import { until } from "./lib/until.ts";

/** Wrong only in the text: `mode: 0644` is a number on arrival, and an object can't contain itself. */
const onlyInText = ["octal-number.yaml", "alias-of-itself.yaml"];
const broken = policyFixtures("broken").filter(([file]) => !onlyInText.includes(file));
const isNamespaceName = (text: string) => /^[a-z0-9-]+$/.test(text);

let cluster: ControlPlane;
let operator: OperatorProcess;
const webhookFlags = ["--webhook-url=https://127.0.0.1:0"];
let kubeconfig: string;
const sensors: TestSensor[] = [];

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  const named = [...broken, ...policyFixtures("valid")].map(
    ([, { metadata }]) => metadata.namespace,
  );
  for (const name of new Set(named.filter((one) => one !== undefined)))
    if (isNamespaceName(name) && name !== namespace) await createNamespace(cluster.client, name);
  kubeconfig = await grantOperatorRights(cluster);
  operator = startOperator(cluster, {
    name: "operator-1",
    kubeconfig,
    flags: webhookFlags,
  });
  await operator.whenServing();
  await untilAsked();
});

afterAll(async () => {
  for (const sensor of sensors) sensor[Symbol.dispose]();
  await operator?.stop();
  await cluster?.[Symbol.asyncDispose]();
});

function untilAsked(): Promise<unknown> {
  let last: Tried | undefined;
  return until(
    "the API server asks the operator",
    async () => {
      last = await tryPolicy(onlyTheWebhookRefuses);
      return last.refusedBy === "webhook";
    },
    { timeoutMs: 40_000, seen: () => JSON.stringify({ last, log: operator.log().slice(-5) }) },
  );
}

const policy = (spec: object, name = "tried") => ({
  apiVersion: "cilium.io/v1alpha1",
  kind: "TracingPolicy",
  metadata: { name },
  spec,
});
const kprobe = (call: string, more: object = {}) =>
  policy({ kprobes: [{ call, syscall: false, ...more }] });

/** The definition accepts any text as an address. */
const connectsTo = (...values: readonly string[]) => ({
  call: "tcp_connect",
  syscall: false,
  args: [{ index: 0, type: "sock" }],
  selectors: [{ matchArgs: [{ index: 0, operator: "DAddr", values }] }],
});
const onlyTheWebhookRefuses = policy({ kprobes: [connectsTo("10.0.0.0/99")] });

const [tracingPolicies] = kinds.filter(({ kind }) => kind === "TracingPolicy") as [Kind];

type Tried = {
  readonly refusedBy: "webhook" | "server" | undefined;
  readonly causes: readonly { readonly field: string; readonly message: string }[];
  readonly message: string;
};

/** Creates it like `kubectl create --dry-run=server`: all admission checks run, nothing is stored. */
async function tryPolicy(object: PolicyFixture): Promise<Tried> {
  const { kind, metadata } = object;
  // Of a kind that does not exist: refused, wherever it is sent.
  const resource = kinds.find((one) => one.kind === kind) ?? tracingPolicies;
  const place =
    resource.scope === "Namespaced" ? { namespace: metadata.namespace ?? "default" } : {};
  try {
    await cluster.client.write({
      task: "try a policy",
      method: "POST",
      permit: unfenced,
      path: resourcePath(resource, place),
      query: { dryRun: "All", fieldValidation: "Strict" },
      body: object,
    });
    return { refusedBy: undefined, causes: [], message: "" };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    const { message } = error;
    const isWebhook = /admission webhook "policies\.gander\.dev" denied the request/.test(message);
    return { refusedBy: isWebhook ? "webhook" : "server", causes: error.causes, message };
  }
}

/** Which of the two refused each file while the operator ran. */
const refusedBy = new Map<string, "webhook" | "server" | undefined>();

describe("broken policies, with the operator", () => {
  it("are enough", () => expect(broken.length).toBeGreaterThan(60));

  it.each(broken)("%s is refused with the field and what to write", async (file, object) => {
    const tried = await tryPolicy(object);
    refusedBy.set(file, tried.refusedBy);
    expect(tried.refusedBy).toBeDefined();
    expect(tried.message).toMatch(/spec|metadata|apiVersion|API version|kind|unknown field/);
    if (tried.refusedBy !== "webhook") return;
    expect(tried.causes.length).toBeGreaterThan(0);
    for (const { field, message } of tried.causes) {
      expect(field).toMatch(/^(spec|metadata|$)/);
      expect(message).toMatch(/\. \S|;/);
    }
  });

  it("are told by kubectl as lists of fields", async () => {
    const two = policy({ kprobes: [connectsTo("10.0.0.0/99"), connectsTo("::1", "localhost")] });
    const input = JSON.stringify(two);
    const said = await cluster.kubectl(["apply", "--filename=-"], { input }).then(
      () => "",
      ({ stderr }: { readonly stderr: string }) => stderr,
    );
    const place = "selectors[0].matchArgs[0].values";
    expect(said).toContain(`* spec.kprobes[0].${place}[0]: `);
    expect(said).toContain(`* spec.kprobes[1].${place}[1]: `);
  });
});

describe("good policies", () => {
  it.each(policyFixtures("valid"))("%s is taken", async (_, object) => {
    expect(await tryPolicy(object)).toMatchObject({ refusedBy: undefined });
  });

  it("are stored only when they shall be", async () => {
    const input = JSON.stringify(kprobe("tcp_connect"));
    await cluster.kubectl(["apply", "--dry-run=server", "--filename=-"], { input });
    await expect(cluster.kubectl(["get", "tracingpolicy", "tried"])).rejects.toThrow("not found");
    await cluster.kubectl(["apply", "--filename=-"], { input });
    await cluster.kubectl(["delete", "tracingpolicy", "tried"]);
  });

  it("give warnings", async () => {
    const object = { ...kprobe("tcp_connect"), metadata: { name: "tried" } };
    const doubtful = { ...object, spec: { kprobes: [{ call: "sys_openat", syscall: false }] } };
    const input = JSON.stringify(doubtful);
    const args = ["apply", "--dry-run=server", "--filename=-"];
    expect((await cluster.kubectl(args, { input })).stderr).toMatch(
      /^Warning: spec\.kprobes\[0\]\.call: "sys_openat" looks like a system call/m,
    );
  });
});

/** A node whose sensor reports a kernel with these functions. */
async function addNode(name: string, release: string, functions: readonly string[]): Promise<void> {
  await createNode(cluster.client, name);
  const { token } = await createSensorPod(cluster, name);
  const sensor = new TestSensor(operator.sensorPort, token, await operatorAuthorities(cluster));
  sensors.push(sensor);
  await tellKernel(sensor, name, { release, functions });
}

describe("kernels of the fleet", () => {
  const everywhere = "int tcp_connect(struct sock *sk)";
  const warningsOf = async (object: object) => {
    const args = ["apply", "--dry-run=server", "--filename=-"];
    const { stderr } = await cluster.kubectl(args, { input: JSON.stringify(object) });
    return stderr.split("\n").filter((line) => line !== "");
  };

  beforeAll(async () => {
    await addNode("old-1", "6.1.0-48-amd64", [everywhere]);
    await addNode("old-2", "6.1.0-48-amd64", [everywhere]);
    await addNode("new-1", "6.12.0-1-amd64", [everywhere, "int security_fresh(struct file *file)"]);
    await until("the operator knows the kernels", async () => {
      const warnings = await warningsOf(kprobe("security_fresh"));
      return warnings.length === 1;
    });
  });

  it("warn of what one of them lacks, with its nodes", async () => {
    expect(await warningsOf(kprobe("security_fresh"))).toEqual([
      "Warning: It cannot work on 2 of 3 nodes (kernel 6.1.0-48-amd64): spec.kprobes[0]: this kernel has no function security_fresh, unless a module has it. Set `ignore.callNotFound: true` if the policy may run without it",
    ]);
    expect(await warningsOf(kprobe("tcp_connect", { args: [{ index: 0, type: "sock" }] }))).toEqual(
      [],
    );
  });

  it("warn of types that are others there", async () => {
    expect(await warningsOf(kprobe("tcp_connect", { args: [{ index: 0, type: "file" }] }))).toEqual(
      [
        "Warning: It cannot work on 3 of 3 nodes (kernel 6.1.0-48-amd64, 6.12.0-1-amd64): spec.kprobes[0].args[0].type: argument 0 of tcp_connect is a struct sock *, not a file. Write `type: sock`. It is tcp_connect(struct sock *sk).",
      ],
    );
  });
});

describe("the registration", () => {
  const name = "validatingwebhookconfiguration/gander-policies";
  const field = async (path: string) =>
    (await cluster.kubectl(["get", name, `--output=jsonpath={.webhooks[0].${path}}`])).stdout;

  it("asks for nothing but policies, sets and exceptions, and stands in nobody's way", async () => {
    expect(await field("failurePolicy")).toBe("Ignore");
    expect(await field("sideEffects")).toBe("None");
    expect(await field("timeoutSeconds")).toBe("5");
    expect(await field("rules[*].resources[*]")).toBe(
      "tracingpolicies tracingpoliciesnamespaced guardpolicies guardpoliciesnamespaced valuesets policyexceptions policyexceptionsnamespaced",
    );
  });

  it("comes back when somebody changes or deletes it", async () => {
    const before = await field("clientConfig.caBundle");
    const change = { op: "replace", path: "/webhooks/0/clientConfig/caBundle", value: btoa("no") };
    await cluster
      .kubectl(["patch", name, "--type=json", `--patch=${JSON.stringify([change])}`])
      .catch(() => {});
    await cluster.kubectl(["delete", name]);
    await until("it is there again", async () => {
      const now = await field("clientConfig.caBundle").catch(() => "");
      return now === before;
    });
    await untilAsked();
  });
});

describe("without an operator", () => {
  const named = (...values: readonly string[]) =>
    policy({ kprobes: [connectsTo(...values)] }, "stored-meanwhile");
  const change = (patch: object) => [
    "patch",
    "tracingpolicy",
    "stored-meanwhile",
    "--type=merge",
    `--patch=${JSON.stringify(patch)}`,
  ];

  /** Mistakes beyond a schema and short rules: values, and parts that don't fit together. */
  const onlyChecked = `
    all-namespace-changes-excluded args-position bad-addresses
    bad-namespace bad-port call-of-a-list counted-calls data-filter data dport-of-sockaddr empty-prefix
    enforcers-of-all-calls enforcers-without-calls enforcers-without-notify event-budget-without-time
    exec-filters expressions file-identity-of-a-namespace
    file-identity-of-pods file-identity-with-children file-identity-with-prefix
    file-of-a-syscall file-type-of-a-number filter-on-nop gained-capabilities
    impossible-comparison index-not-declared index-too-high macro-conflict
    misspelt-capability misspelt-file-type misspelt-namespace-change misspelt-state
    namespace-pid-with-forks negative-for-unsigned network-operator-on-file not-a-number
    notify-enforcer notify-too-late notify-without-enforcers number-too-large
    numbers-of-a-list operator-does-not-fit origins
    override-elsewhere override-in-a-namespace override-positive override-with-registers packet-state parent-too-long pattern-of-a-namespace placeholder-left
    post-and-nopost prefix-too-long process-properties range-reversed registers
    request-of-a-namespace requests-of-actions resolve-at-a-syscall resolve return-copy-at-lsm-hook
    return-of-a-packet set-elsewhere size-counted-from-0 sockaddr-of-a-syscall stack-at-lsm-hook
    substring-too-long too-many-namespace-changes type-absent
    type-not-supported unknown-macro unknown-option uprobe-at-nothing uprobe-named-twice
    uprobe-of-a-kernel-object uprobe-of-a-namespace uprobe-of-a-relative-path
    uprobe-of-a-wrong-name uprobe-with-a-cut-digest uprobe-with-a-wrong-digest
    uprobe-with-counters uprobe-with-override-twice uprobe-without-function
    usdt-of-a-wrong-name usdt-whose-value-is-set usdt-with-override
    workloads-of-a-namespace workloads-of-selectors
  `.match(/\S+/g);

  it("schema and rules refuse all others", async () => {
    await operator.stop();
    const refused: string[] = [];
    for (const [file, object] of broken) {
      const tried = await tryPolicy(object);
      if (tried.refusedBy === undefined) continue;
      refused.push(file);
      expect(tried.message, file).toMatch(
        /spec|metadata|apiVersion|API version|kind|unknown field/,
      );
    }
    const accepted = broken.map(([file]) => file).filter((file) => !refused.includes(file));
    expect(accepted.map((file) => file.replace(".yaml", ""))).toEqual(onlyChecked);
    expect(refused.length).toBeGreaterThanOrEqual(30);
    // The webhook was not called for policies that the server refuses itself.
    for (const file of refused) expect(refusedBy.get(file), file).toBe("server");
  });

  it("GitOps goes on", async () => {
    await cluster.kubectl(["apply", "--filename=-"], {
      input: JSON.stringify(named("10.0.0.0/99")),
    });
  });

  it("what was stored meanwhile is neither stuck nor taken for good", async () => {
    operator = startOperator(cluster, {
      name: "operator-2",
      kubeconfig,
      flags: webhookFlags,
    });
    await operator.whenServing();
    await untilAsked();
    // All but the spec may change, and the object may be deleted.
    await cluster.kubectl(
      change({ metadata: { labels: { a: "b" }, finalizers: ["gander.dev/test"] } }),
    );
    await expect(cluster.kubectl(change({ spec: named("10.0.0.0/98").spec }))).rejects.toThrow(
      /10\.0\.0\.0\/98/,
    );
    await cluster.kubectl(["delete", "tracingpolicy", "stored-meanwhile", "--wait=false"]);
    await cluster.kubectl(change({ metadata: { finalizers: null } }));
    await until("it is gone", async () => {
      const { stdout } = await cluster.kubectl(["get", "tracingpolicies", "--output=name"]);
      return !stdout.includes("stored-meanwhile");
    });
  });
});
