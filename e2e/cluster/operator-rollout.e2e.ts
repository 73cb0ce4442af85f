// SPDX-License-Identifier: Apache-2.0
// What a rollout of the operator's Deployment does: replicas with other flags take the place of the first ones.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ControlPlane } from "./control-plane.ts";
import { type OperatorProcess, startOperator } from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { startPreparedControlPlane } from "./lib/sensor-pod.ts";
import { until } from "./lib/until.ts";

let cluster: ControlPlane;
let kubeconfig = "";
const operators: OperatorProcess[] = [];

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  kubeconfig = await grantOperatorRights(cluster);
});
afterAll(async () => {
  for (const operator of operators) await operator.stop();
  await cluster?.[Symbol.asyncDispose]();
});

async function start(name: string, failurePolicy: "ignore" | "fail"): Promise<OperatorProcess> {
  const flags = ["--webhook-url=https://127.0.0.1:0", `--webhook-failure-policy=${failurePolicy}`];
  const operator = startOperator(cluster, { name, kubeconfig, flags });
  operators.push(operator);
  await operator.whenServing();
  return operator;
}

async function failurePolicy(): Promise<string> {
  const { stdout } = await cluster.kubectl([
    ...["get", "validatingwebhookconfiguration/gander-policies", "--ignore-not-found"],
    "--output=jsonpath={.webhooks[0].failurePolicy}",
  ]);
  return stdout;
}

it("brings the new flags into the webhook, although replicas with the old ones still run", async () => {
  const old = [await start("old-1", "ignore"), await start("old-2", "ignore")];
  await until("the webhook exists", async () => (await failurePolicy()) === "Ignore");
  for (const [i, one] of old.entries()) {
    await start(`new-${i + 1}`, "fail");
    await one.stop();
  }
  await until(
    "it refuses when no operator answers",
    async () => (await failurePolicy()) === "Fail",
    {
      timeoutMs: 20_000,
      seen: failurePolicy,
    },
  );
});

it("has made no program of Node warn", () => {
  for (const operator of operators) expect(operator.otherOutput()).toEqual([]);
});
