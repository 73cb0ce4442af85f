// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { GanderError } from "@gander/base";
import { clientOptions } from "../client-options.ts";
import { defineCommand } from "../define-command.ts";
import { describeCounts, type EventCounts, eventCounts } from "../event-counts.ts";
import { quote, terminalSafeJson } from "../events/quote.ts";
import type { FleetClient } from "../fleet/fleet-client.ts";
import { fleetOptions } from "../fleet/fleet-options.ts";
import { describeFleet, isFleetReady } from "../fleet/fleet-text.ts";
import { withFleet } from "../fleet/with-fleet.ts";
import { describeGaps, type JudgingGaps, judgingGaps } from "../judging-gaps.ts";
import { describeNewPods, type NewPodsReport, newPodsReport } from "../new-pods.ts";
import { describeOperator, type OperatorReport, operatorReport } from "../operator-connection.ts";
import type { SensorClient } from "../sensor-client.ts";
import { withSensor } from "../with-sensor.ts";

/** `gander status`: exit status 0 once the sensor is ready, 1 before. */
export const status = defineCommand({
  command: "gander status",
  summary:
    "Shows whether the sensor is ready. Exit status 0: it watches, and its policies are in force as far as this kernel allows. 1: not (yet). With --operator: whether the whole cluster is ready, that is, every node has its sensor and every policy is in force wherever it applies.",
  options: {
    wait: {
      type: "duration",
      default: 0,
      placeholder: "DURATION",
      help: "Wait until it is ready, at most this long.",
      flagOnly: true,
    },
    output: {
      type: "text",
      default: "text",
      values: ["text", "json"],
      short: "o",
      help: "Format.",
      flagOnly: true,
    },
    ...fleetOptions,
    ...clientOptions,
  },
  examples: [
    "sudo gander status",
    "sudo gander status --wait 30s && echo ready",
    "gander status --operator 127.0.0.1:8444",
  ],
  run: async ({ values }, io) => {
    const until = Date.now() + values.wait;
    const ask = async (): Promise<Answer> => {
      if (values.operator !== "") return await withFleet(values, askFleet);
      const report = await withSensor(values, askSensor);
      return { ready: report.ready, report, text: describe(report) };
    };
    for (;;) {
      try {
        const { ready, report, text } = await ask();
        if (ready || Date.now() >= until) {
          const json = () => terminalSafeJson(JSON.stringify(report));
          io.stdout.write(`${values.output === "json" ? json() : text}\n`);
          return ready ? 0 : 1;
        }
      } catch (error) {
        const hopeful = error instanceof GanderError && error.retryable;
        if (!hopeful || Date.now() >= until) {
          // With -o json the output is JSON even if no sensor answers.
          if (values.output === "json") io.stdout.write(`${JSON.stringify(absent(error))}\n`);
          throw error;
        }
      }
      await sleep(Math.min(200, Math.max(1, until - Date.now())), undefined, { signal: io.signal });
    }
  },
});

type Answer = { readonly ready: boolean; readonly report: object; readonly text: string };

async function askFleet(fleet: FleetClient): Promise<Answer> {
  const status = await fleet.status();
  const ready = isFleetReady(status);
  return { ready, report: { ...status, is_ready: ready }, text: describeFleet(status) };
}

type Report = {
  readonly ready: boolean;
  readonly details: string;
  readonly version: string;
  readonly policies: Readonly<Record<string, number>>;
  /** Absent: every call was decided as its policies say. */
  readonly unjudged?: JudgingGaps;
  /** Absent: the sensor does not report them (it is not ours, or older). */
  readonly events?: EventCounts;
  /** Absent: it has no operator. */
  readonly operator?: OperatorReport;
  /** Absent: processes of new pods just run. */
  readonly newPods?: NewPodsReport;
};

async function askSensor(sensor: SensorClient): Promise<Report> {
  const [answer, version, policies] = await Promise.all([
    sensor.health(),
    sensor.version(),
    sensor.listPolicies(),
  ]);
  const { health_status: health = [], event_counters: counters, operator, new_pods } = answer;
  const counts: Record<string, number> = {};
  const gaps = judgingGaps(policies);
  for (const { state = "TP_STATE_UNKNOWN" } of policies) {
    const name = state.replace("TP_STATE_", "").toLowerCase();
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return {
    ready: health.length > 0 && health.every((one) => one.status === "HEALTH_STATUS_RUNNING"),
    details: health.map((one) => one.details ?? "").join(" "),
    version,
    policies: counts,
    ...(gaps === undefined ? {} : { unjudged: gaps }),
    ...(counters === undefined ? {} : { events: eventCounts(counters) }),
    ...(operator === undefined ? {} : { operator: operatorReport(operator) }),
    ...(new_pods === undefined ? {} : { newPods: newPodsReport(new_pods) }),
  };
}

function absent(error: unknown): Report {
  const details = error instanceof Error ? error.message : String(error);
  return { ready: false, details, version: "", policies: {} };
}

function describe(report: Report): string {
  const policies = Object.entries(report.policies).map(([state, n]) => `${n} ${state}`);
  return [
    `${report.ready ? "ready" : "not ready"}: sensor ${quote(report.version)}`,
    ...(report.details === "" ? [] : [quote(report.details)]),
    `policies: ${policies.join(", ") || "none"}${isTroubled(report) ? " (gander policy list says why)" : ""}`,
    ...(report.unjudged === undefined
      ? []
      : [`${describeGaps(report.unjudged)} (gander policy list shows which policies)`]),
    ...(report.operator === undefined ? [] : describeOperator(report.operator)),
    ...(report.newPods === undefined ? [] : [describeNewPods(report.newPods)]),
    ...(report.events === undefined ? [] : describeCounts(report.events)),
  ].join("\n");
}

function isTroubled({ policies }: Report): boolean {
  return Object.keys(policies).some((state) => state !== "enabled" && state !== "disabled");
}
