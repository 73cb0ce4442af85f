// SPDX-License-Identifier: Apache-2.0
// Who begins a session in a pod: what a real API server reports, and what reaches the sensor of the node. No
// kubelet runs here, so that every command fails after the API server has admitted it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SessionAnnouncement } from "@gander/proto/stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestSensor } from "../../packages/operator/test/test-sensor.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import {
  createNamespace,
  createNode,
  createPod,
  createServiceAccount,
} from "./lib/cluster-objects.ts";
import { KubectlError } from "./lib/kubectl.ts";
import {
  installCrds,
  type OperatorProcess,
  operatorAuthorities,
  operatorNamespace,
  startOperator,
} from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { createSensorPod } from "./lib/sensor-pod.ts";
import { until } from "./lib/until.ts";

const namespace = "shop";
const node = "node-a";
const groups = ["devs", "system:authenticated"];
const folder = mkdtempSync(join(tmpdir(), "gander-sessions-"));
const auditLog = join(folder, "audit.log");

let cluster: ControlPlane;
let operator: OperatorProcess;
let pod: { readonly uid: string };
let sensor: TestSensor;
const announced: SessionAnnouncement[] = [];

beforeAll(async () => {
  const policy = { apiVersion: "audit.k8s.io/v1", kind: "Policy", rules: [{ level: "Metadata" }] };
  writeFileSync(join(folder, "audit.json"), JSON.stringify(policy));
  cluster = await startControlPlane({
    flags: [`--audit-policy-file=${folder}/audit.json`, `--audit-log-path=${auditLog}`],
  });
  await installCrds(cluster);
  for (const name of [operatorNamespace, namespace]) await createNamespace(cluster.client, name);
  await createServiceAccount(cluster.client, operatorNamespace, "gander-sensor");
  await createNode(cluster.client, node);
  pod = await createPod(cluster.client, { namespace, name: "web-0", node });
  await cluster.kubectl([
    ...["create", "clusterrolebinding", "devs", "--clusterrole=cluster-admin", "--group=devs"],
  ]);
  operator = startOperator(cluster, {
    name: "operator-1",
    kubeconfig: await grantOperatorRights(cluster),
    flags: ["--webhook-url=https://127.0.0.1:0"],
  });
  await operator.whenServing();
  const { token } = await createSensorPod(cluster, node);
  sensor = new TestSensor(operator.sensorPort, token, await operatorAuthorities(cluster));
  sensor.hello({ node });
  expect((await sensor.next()).welcome?.announces_sessions).toBe(true);
  void follow(sensor).catch(() => undefined);
  // The API server learns of the webhook a moment after it is written.
  await until(
    "the API server reports sessions",
    async () => {
      await exec("probe", ["true"]);
      return announced.length > 0;
    },
    { timeoutMs: 60_000, seen: () => JSON.stringify(operator.log().slice(-5)) },
  );
});

afterAll(async () => {
  sensor?.[Symbol.dispose]();
  await operator?.stop();
  await cluster?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function follow(from: TestSensor): Promise<void> {
  for (;;) {
    const { sessions = [], commit } = await from.next();
    announced.push(...sessions);
    if (commit !== undefined) from.ack(commit);
  }
}

const asUser = (user: string) => [`--namespace=${namespace}`, `--as=${user}`, "--as-group=devs"];

/** What kubectl says when the API server has not found a kubelet. */
async function exec(user: string, command: readonly string[]): Promise<string> {
  const args = ["exec", "web-0", "--container=main", ...asUser(user), "--", ...command];
  return cluster.kubectl(args).then(
    () => "",
    (error: unknown) => {
      if (error instanceof KubectlError) return error.stderr;
      throw error;
    },
  );
}

const ofUser = (user: string) => announced.filter((one) => one.user === user);

describe("the sensor of the pod's node", () => {
  it("is told the user, the groups and the command of kubectl exec", async () => {
    await exec("alice@example.com", ["sh", "-c", "id; echo 'two words'"]);
    await until("it is announced", async () => ofUser("alice@example.com").length > 0);
    expect(ofUser("alice@example.com")[0]).toEqual({
      ...{ kind: "exec", pod: pod.uid, container: "main", user: "alice@example.com", groups },
      command: ["sh", "-c", "id; echo 'two words'"],
      request_uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it("finds the announced request in the audit log", async () => {
    const [session] = ofUser("alice@example.com");
    type Entry = {
      readonly annotations?: Readonly<Record<string, string>>;
      readonly user: { readonly username: string };
      readonly impersonatedUser?: { readonly username: string };
      readonly objectRef?: { readonly subresource?: string };
    };
    const entry = await until("the request is logged", async () => {
      const lines = readFileSync(auditLog, "utf8").split("\n").slice(0, -1);
      const entries = lines.map((line): Entry => JSON.parse(line));
      return entries.find(
        ({ annotations = {} }) =>
          annotations["sessions.gander.dev/request"] === session?.request_uid,
      );
    });
    expect(entry.impersonatedUser?.username).toBe("alice@example.com");
    expect(entry.objectRef?.subresource).toBe("exec");
  });

  it("is told who added an ephemeral container", async () => {
    const args = ["debug", "web-0", "--image=example.com/tools:1", "--container=debugger"];
    await cluster.kubectl([...args, ...asUser("bob")]);
    await until("it is announced", async () => ofUser("bob").length > 0);
    expect(ofUser("bob")).toMatchObject([
      { kind: "ephemeral-container", pod: pod.uid, container: "debugger", groups },
    ]);
  });

  it("is not told of ports and terminals, which the log of the operator shows", async () => {
    const attach = ["attach", "web-0", "--container=main", ...asUser("carol")];
    await cluster.kubectl(attach).catch(() => undefined);
    const logged = () =>
      operator.log().filter(({ message }) => message === "A user requested a session");
    await until("it is logged", async () => logged().length > 0);
    expect(logged()[0]).toMatchObject({ kind: "attach", user: "carol", namespace, pod: "web-0" });
    expect(ofUser("carol")).toEqual([]);
  });

  it("is counted", async () => {
    const text = await (await fetch(`${operator.health}/metrics`)).text();
    const count = (labels: string) =>
      Number(
        new RegExp(`^gander_operator_sessions_total\\{${labels}\\} (\\d+)`, "m").exec(text)?.[1],
      );
    expect(count('kind="exec",result="sent"')).toBe(
      announced.filter(({ kind }) => kind === "exec").length,
    );
    expect(count('kind="ephemeral-container",result="sent"')).toBe(1);
    expect(count('kind="attach",result="noted"')).toBeGreaterThan(0);
  });
});

describe("without an operator", () => {
  it("sessions begin as before, and hardly later", async () => {
    const timed = async (): Promise<{ readonly text: string; readonly ms: number }> => {
      const start = performance.now();
      const text = await exec("dora", ["true"]);
      return { text, ms: performance.now() - start };
    };
    const before = await timed();
    await operator.stop();
    const after = await timed();
    expect(after.text).toBe(before.text);
    expect(after.text).not.toMatch(/webhook/);
    // It is refused a connection; a host that does not answer costs the webhook's limit of 1 s.
    expect(after.ms).toBeLessThan(before.ms + 5_000);
  });
});
