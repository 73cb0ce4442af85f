// SPDX-License-Identifier: Apache-2.0
import type { GetHealthStatusResponse, TracingPolicyStatus } from "@gander/proto";
import { describeCounts, eventCounts } from "../event-counts.ts";
import { describeGaps, judgingGaps } from "../judging-gaps.ts";
import { describeOperator, operatorReport } from "../operator-connection.ts";
import type { SensorClient } from "../sensor-client.ts";

/** What a sensor says of itself. */
export type SensorAnswers = {
  readonly version: string;
  readonly info: unknown;
  readonly health: GetHealthStatusResponse;
  readonly policies: readonly TracingPolicyStatus[];
};

export async function askAll(sensor: SensorClient): Promise<SensorAnswers> {
  const [version, info, health, policies] = await Promise.all([
    sensor.version(),
    sensor.info(),
    sensor.health(),
    sensor.listPolicies(),
  ]);
  return { version, info, health, policies };
}

/** What is wrong with it, by its own answers. */
export function sensorFindings({ health, policies }: SensorAnswers): readonly string[] {
  const { health_status: parts = [], event_counters: counters, operator } = health;
  const notReady = parts
    .filter(({ status }) => status !== "HEALTH_STATUS_RUNNING")
    .map(({ details = "" }) => `The sensor is not ready: ${details}`);
  const failed = policies
    .filter(({ error = "", info = "" }) => error !== "" || info !== "")
    .map(({ name, error, info }) => `Policy "${name}": ${error || info}`);
  const gaps = judgingGaps(policies);
  const lost = counters === undefined ? [] : describeCounts(eventCounts(counters));
  return [
    ...notReady,
    ...failed,
    ...(gaps === undefined ? [] : [`Calls were ${describeGaps(gaps)}`]),
    ...lost.filter((line) => /lost in the kernel: (?!none)|[1-9]\d* dropped|no room/.test(line)),
    ...(operator === undefined || operatorReport(operator).connected
      ? []
      : describeOperator(operatorReport(operator))),
  ];
}
