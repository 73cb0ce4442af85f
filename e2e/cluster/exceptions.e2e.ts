// SPDX-License-Identifier: Apache-2.0
// Exceptions in a cluster: from the API to what a node is sent, and back into statuses.
import { applyExceptions, checkExceptionObject, checkPolicyObject } from "@gander/policy";
import { digestText } from "@gander/policy/content";
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

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  await createNode(cluster.client, "node-a");
  await cluster.kubectl(["create", "namespace", "shop"]);
  const { token } = await createSensorPod(cluster, "node-a");
  const rights = await grantOperatorRights(cluster);
  const flags = ["--webhook-url=https://127.0.0.1:0"];
  operator = startOperator(cluster, { name: "operator-1", kubeconfig: rights, flags });
  await operator.whenServing();
  sensor = new TestSensor(operator.sensorPort, token, await operatorAuthorities(cluster));
  sensor.hello({ node: "node-a" });
});

afterAll(async () => {
  sensor?.[Symbol.dispose]();
  await operator?.stop();
  await cluster?.[Symbol.asyncDispose]();
});

const apiVersion = "gander.dev/v1alpha1";

const guard = (annotations: Record<string, string> = {}) => ({
  apiVersion,
  kind: "GuardPolicy",
  metadata: { name: "guard", annotations },
  spec: {
    kprobes: [
      {
        call: "security_file_permission",
        syscall: false,
        args: [{ index: 0, type: "file" }],
        selectors: [
          {
            matchArgs: [{ index: 0, operator: "Prefix", values: ["/etc/"] }],
            matchActions: [{ action: "Sigkill" }],
          },
        ],
      },
      { call: "sys_mount", args: [{ index: 0, type: "string" }] },
    ],
  },
});

const exception = (spec: object, namespace = "") => ({
  apiVersion,
  kind: namespace === "" ? "PolicyException" : "PolicyExceptionNamespaced",
  metadata: { name: "backup", ...(namespace !== "" && { namespace }) },
  spec: { reason: "it reads all files", policies: ["guard"], ...spec },
});

const tar = { binaries: [{ operator: "In", values: ["/usr/bin/tar"] }], namespaces: ["shop"] };
const ssl = { paths: [{ operator: "Prefix", values: ["/etc/ssl/"] }] };
const ofShop = { podSelector: { matchLabels: { app: "backup" } } };

/** Digest of what nodes are sent of the policy with these exceptions. */
function digestWith(...exceptions: readonly object[]): string {
  const policy = checkPolicyObject(guard()).value?.compiled;
  if (policy === undefined) throw new Error("the policy is wrong");
  const all = exceptions.map((one) => {
    const { value, problems } = checkExceptionObject(one);
    if (value === undefined) throw new Error(JSON.stringify(problems));
    return value.exception;
  });
  return applyExceptions(policy, all, "cluster").policy.digest;
}

const apply = (object: object) =>
  cluster.kubectl(["apply", "--filename=-"], { input: JSON.stringify(object) });

/** Why it is refused; undefined: it is not. */
async function refusalOf(object: object): Promise<string | undefined> {
  try {
    await apply(object);
    return undefined;
  } catch (error) {
    if (error instanceof KubectlError) return error.stderr;
    throw error;
  }
}

/** Takes versions until the node is offered the policy with this digest, and answers all but that one. */
async function versionWith(digest: string): Promise<SeenVersion> {
  for (;;) {
    const version = await sensor.version();
    for (const { put = [] } of version.offers)
      for (const head of put) heads.set(head.name ?? "", head);
    if (digestText(heads.get("guard")?.digest ?? Buffer.alloc(0)) === digest) return version;
    sensor.ack(version.commit);
  }
}

type Status = {
  readonly conditions?: readonly { readonly type: string; readonly reason: string }[];
  readonly exceptions?: readonly Readonly<Record<string, unknown>>[];
};

async function statusOf(kind: string): Promise<Status> {
  const { stdout } = await cluster.kubectl(["get", kind, "guard", "--output=json"]);
  return (JSON.parse(stdout) as { status?: Status }).status ?? {};
}

function untilStatus(what: string, fits: (status: Status) => boolean): Promise<Status> {
  let last: Status | undefined;
  return until(
    what,
    async () => {
      last = await statusOf("guardpolicy");
      return fits(last) && last;
    },
    { seen: () => JSON.stringify(last) },
  );
}

const readyReason = ({ conditions = [] }: Status) =>
  conditions.find(({ type }) => type === "Ready")?.reason;

describe("an exception", () => {
  it("is another content of its policy, which is not Ready until the node has it", async () => {
    await apply(guard());
    sensor.ack((await versionWith(digestWith())).commit);
    await untilStatus("ready", (status) => readyReason(status) === "AllNodesReady");
    await apply(exception(tar));
    const version = await versionWith(digestWith(exception(tar)));
    expect(heads.get("guard")?.generation).toBe("1");
    await untilStatus("rolling out", (status) => readyReason(status) === "RollingOut");
    sensor.ack(version.commit);
    const { exceptions } = await untilStatus(
      "ready with it",
      (status) => readyReason(status) === "AllNodesReady" && status.exceptions !== undefined,
    );
    expect(exceptions).toEqual([{ name: "backup", state: "applies", hits: 0 }]);
  });

  it("has its calls counted in both statuses", async () => {
    const uid = heads.get("guard")?.uid ?? "";
    const exceptions = [
      { exception: "backup", hits: "7" },
      { exception: "none", hits: "3" },
    ];
    const counts = { uid, hits: "9", suppressed: "7", filtered: "2", exceptions };
    sensor.send({ summary: { counting_since: "1", policies: [counts] } });
    const shown = [{ name: "backup", state: "applies", hits: 7 }];
    const { exceptions: seen } = await untilStatus(
      "counted",
      (status) => status.exceptions?.[0]?.hits === 7,
    );
    expect(seen).toEqual(shown);
    const all = await until("the PolicyStatus has it", async () => {
      const { exceptions: found } = await statusOf("policystatus");
      return found?.[0]?.hits === 7 && found;
    });
    expect(all).toEqual(shown);
  });

  it("says where it does not apply, and that it has expired", async () => {
    const expires = new Date(Date.now() + 8_000).toISOString();
    const { stderr } = await apply(
      exception({ ...ssl, expires, namespaces: null, binaries: null }),
    );
    const why = "spec.kprobes[1]: it has no argument of type file, path, linux_binprm or kiocb";
    expect(stderr).toContain(`does not apply everywhere: ${why}`);
    sensor.ack((await versionWith(digestWith(exception({ ...ssl, expires })))).commit);
    const stateOf = ({ exceptions = [] }: Status) => exceptions[0]?.state;
    const { exceptions } = await untilStatus("partly", (status) => stateOf(status) === "partly");
    expect(exceptions?.[0]).toMatchObject({ message: why, expires });
    // The node ends it by itself: it is sent nothing.
    await untilStatus("expired", (status) => stateOf(status) === "expired");
  });

  it("is refused by the operator, with all that is wrong, and by the API server alone", async () => {
    const wrong = exception({ reason: "a", policies: ["G"], ...ssl, expires: null });
    const refused = await until("the API server asks the operator", async () => {
      const text = await refusalOf(wrong);
      return text?.includes("spec.policies[0]") && text;
    });
    expect(refused).toContain('"G" cannot be the name of a policy');
    expect(await refusalOf(exception({ reason: "TODO", ...ssl }))).toContain(
      "has not been written",
    );
    const nothing = { apiVersion, kind: "PolicyException", metadata: { name: "b" } };
    const spec = { reason: "a", policies: ["guard"] };
    expect(await refusalOf({ ...nothing, spec })).toContain("nothing restricts the exception");
    expect(await refusalOf({ ...nothing, spec: { ...ssl, reason: "a" } })).toContain(
      "either policies or policySelector",
    );
  });

  it("is shown by kubectl", async () => {
    const { stdout } = await cluster.kubectl(["get", "gpx"]);
    expect(stdout).toMatch(/^NAME +EXPIRES +REASON +AGE$/m);
    expect(stdout).toMatch(/^backup +20\S+Z +it reads all files /m);
  });

  it("that is deleted ends", async () => {
    await cluster.kubectl(["delete", "policyexception", "backup"]);
    sensor.ack((await versionWith(digestWith())).commit);
    await untilStatus("without it", (status) => status.exceptions === undefined);
  });
});

describe("an exception of a namespace", () => {
  it("does not apply to a policy of the cluster, until that allows it", async () => {
    const { stderr } = await apply(exception(ofShop, "shop"));
    expect(stderr).toContain("does not apply");
    const { exceptions } = await untilStatus("shown", (status) => status.exceptions !== undefined);
    expect(exceptions).toMatchObject([
      { name: "backup", namespace: "shop", state: "not-applicable" },
    ]);
    const key = "gander.dev/namespaced-exceptions";
    await cluster.kubectl(["annotate", "guardpolicy", "guard", `${key}=allowed`]);
    sensor.ack((await versionWith(digestWith(exception(ofShop, "shop")))).commit);
    await untilStatus("applies", ({ exceptions: all }) => all?.[0]?.state === "applies");
    await cluster.kubectl(["annotate", "guardpolicy", "guard", `${key}-`]);
    sensor.ack((await versionWith(digestWith())).commit);
  });

  it("cannot name other namespaces, nor the host", async () => {
    expect(await refusalOf(exception({ ...ofShop, namespaces: ["bank"] }, "shop"))).toContain(
      "an exception of a namespace cannot have namespaces",
    );
    expect(await refusalOf(exception({ ...ofShop, hostSelector: {} }, "shop"))).toContain(
      "an exception of a namespace cannot have hostSelector",
    );
  });
});
