// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import type { Attack, AttackResult, EventSource, Reports } from "@gander/policy-test/attacks";
import { withFleet } from "../fleet/with-fleet.ts";
import type { Io } from "../io.ts";
import { withSensor } from "../with-sensor.ts";
import type { AttackValues } from "./attack-options.ts";
import { probeImage } from "./probe-image.ts";

export type AttackPlace = (
  attacks: readonly Attack[],
  values: AttackValues,
  io: Io,
) => Promise<{ readonly results: readonly AttackResult[]; readonly hasSensor: boolean }>;

/** On this machine, with the reports of its sensor if one runs. */
export const attackHere: AttackPlace = async (attacks, values, io) => {
  const { runHere } = await import("@gander/policy-test/attacks");
  const act = async (reports: Reports | undefined) => {
    const results = await runHere(attacks, { reports, signal: io.signal });
    warn(io, reports);
    return { results, hasSensor: reports !== undefined };
  };
  let isAsked = false;
  try {
    return await withSensor(values, (sensor) =>
      watched(sensor.events, {}, (reports) => {
        isAsked = true;
        return act(reports);
      }),
    );
  } catch (error) {
    if (isAsked || !(error instanceof GanderError)) throw error;
    io.stderr.write(`gander: no sensor is asked: ${error.message}\n`);
    return act(undefined);
  }
};

/** In pods, with the reports of all sensors if the operator can be asked. */
export const attackInPods: AttackPlace = async (attacks, values, io) => {
  const { runInPods } = await import("@gander/policy-test/attacks");
  const { clusterAccess } = await import("../fleet/cluster-access.ts");
  const [namespace = "", name = "gander-attack"] = values.pod.split("/");
  using cluster = clusterAccess(values);
  const client = await cluster.client();
  const image = await probeImage(values, client);
  const act = async (reports: Reports | undefined) => {
    const pods = { namespace, name, ...image, node: values.node, reports };
    const settleSeconds = Math.ceil(values.settle / 1000);
    const access = { client, signal: io.signal, timeoutMs: values.podTimeout };
    const results = await runInPods(attacks, { ...pods, settleSeconds }, access);
    warn(io, reports);
    return { results, hasSensor: reports !== undefined };
  };
  if (values.operator === "") return act(undefined);
  return withFleet(values, (fleet) => watched(fleet.events, { pod_regex: [`^${name}-`] }, act));
};

async function watched<T>(
  events: EventSource,
  filter: Readonly<Record<string, readonly string[]>>,
  use: (reports: Reports) => Promise<T>,
): Promise<T> {
  const { watchReports } = await import("@gander/policy-test/attacks");
  await using reports = await watchReports(events, filter);
  return await use(reports);
}

function warn(io: Io, reports: Reports | undefined): void {
  const problem = reports?.problem() ?? "";
  if (problem !== "") io.stderr.write(`gander: reports may be missing: ${problem}\n`);
}
