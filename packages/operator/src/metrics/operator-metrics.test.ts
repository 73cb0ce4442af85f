// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createLogger } from "@gander/base";
import { nodeStates } from "@gander/crd-schemas";
import type { RestartCause } from "@gander/kube";
import { expect, it } from "vitest";
import { SessionCounts } from "../sessions/session-counts.ts";
import { createCoreCollector } from "./core-collector.ts";
import { operatorInstruments } from "./operator-instruments.ts";
import { createOperatorMetrics, type OperatorMetrics } from "./operator-metrics.ts";
import { createPolicyCollector, type PolicyCollectorDeps } from "./policy-collector.ts";

const exceptions = new Map([["backup", 4]]);
const logger = createLogger({ level: "error" });
const options = { version: "0.1.0", identity: "a_b_c", otlpEndpoint: "" };

async function textOf({ handler }: Pick<OperatorMetrics, "handler">): Promise<string> {
  const server = createServer((request, response) => void handler(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const permit = {} as ReturnType<PolicyCollectorDeps["election"]["permit"]>;
const catalog = {
  all: () =>
    [
      { uid: "u", name: "guard", namespace: "payments", compiled: { value: {} } },
      { uid: "v", name: "broken", namespace: "", compiled: { problems: [{}] } },
    ] as never,
};
const states = Object.fromEntries(nodeStates.map((state, index) => [state, index]));
const fleet = {
  of: (uid: string) =>
    uid === "u"
      ? ({
          states,
          totals: { lost: 9, unevaluated: 1, missed: 2, unknown: 3, exceptions },
        } as never)
      : undefined,
};

it("tells all that the table has", async () => {
  await using metrics = await createOperatorMetrics({ logger }, options);
  const restarts = { ended: 2, expired: 1 } as Record<RestartCause, number>;
  metrics.add(
    createCoreCollector({
      election: { permit: () => permit },
      hub: { connected: 3 },
      resolver: { size: { nodes: 3, pods: 7, groups: 2, policies: 1 } },
      watches: () => [["pods", { synced: true, sinceContactMs: 1500, restarts }]],
    }),
  );
  metrics.add(createPolicyCollector({ election: { permit: () => permit }, catalog }, fleet));
  const sessions = new SessionCounts();
  for (const result of ["sent", "sent", "no-sensor"] as const) sessions.add("exec", result);
  metrics.add(sessions.report);
  metrics.requested({ method: "GET", status: 200, durationMs: 20 });
  metrics.requested({ method: "GET", status: 200, durationMs: 20 });
  metrics.requested({ method: "PATCH", status: 0, durationMs: 5 });
  metrics.sent();
  metrics.answered(30);
  const text = await textOf(metrics);
  for (const line of [
    "gander_operator_leader 1",
    "gander_operator_sensors_connected 3",
    'gander_operator_objects{kind="pods"} 7',
    "gander_operator_versions_sent_total 1",
    "gander_operator_answer_seconds_sum 0.03",
    'gander_operator_policy_exception_hits{policy="guard",policy_namespace="payments",exception="backup"} 4',
    'gander_operator_policy_nodes{policy="guard",policy_namespace="payments",state="failed"} 5',
    'gander_operator_policy_accepted{policy="guard",policy_namespace="payments"} 1',
    'gander_operator_policy_accepted{policy="broken",policy_namespace=""} 0',
    'gander_operator_policy_lost_events{policy="guard",policy_namespace="payments"} 9',
    'gander_operator_policy_gaps{policy="guard",policy_namespace="payments",gap="missed"} 2',
    'gander_operator_sessions_total{kind="exec",result="sent"} 2',
    'gander_operator_sessions_total{kind="exec",result="no-sensor"} 1',
    'gander_kube_requests_total{method="GET",code="200"} 2',
    'gander_kube_requests_total{method="PATCH",code="0"} 1',
    'gander_kube_request_seconds_count{method="GET"} 2',
    'gander_kube_watch_silence_seconds{resource="pods"} 1.5',
    'gander_kube_watch_restarts_total{resource="pods",cause="expired"} 1',
  ])
    expect(text.split("\n")).toContain(line);
  const told = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  for (const name of Object.keys(operatorInstruments))
    if (name !== "gander_metrics_left_out") expect(told).toContain(name);
});

it("tells of policies only where the leader is", async () => {
  await using metrics = await createOperatorMetrics({ logger }, options);
  metrics.add(createPolicyCollector({ election: { permit: () => undefined }, catalog }, fleet));
  expect(await textOf(metrics)).not.toContain("guard");
});
