// SPDX-License-Identifier: Apache-2.0
import { GanderError, type Logger } from "@gander/base";
import {
  DEFAULT_SERVER_ADDRESS,
  type SensorConfiguration,
} from "../configuration/configuration.ts";
import { parseServerAddress, startProblemFile } from "../configuration/server-address.ts";
import { keepStartProblem } from "../host/start-problem.ts";
import { operatorAccess } from "./operator-access.ts";

type StartProblemOptions = {
  readonly configuration: SensorConfiguration;
  readonly node: string;
  readonly version: string;
  readonly logger: Logger;
};

/**
 * Says why this sensor does not start wherever people look for it: in the status of its pod, in
 * `gander status`, and at the operator, in the status of its node. Never rejects.
 */
export async function tellStartProblem(
  error: unknown,
  { configuration, node, version: sensorVersion, logger }: StartProblemOptions,
): Promise<void> {
  // Then another sensor runs, and answers.
  if (error instanceof GanderError && error.code === "sensor-already-running") return;
  const problem = textOf(error);
  keepStartProblem(problem, startProblemFileOf(configuration));
  try {
    const access = operatorAccess(configuration);
    if (access === undefined) return;
    const { reportStartProblem } = await import("./report-start-problem.ts");
    await reportStartProblem(access, { node, sensorVersion, problem });
    logger.info("The operator knows why this sensor does not start");
  } catch (reason) {
    logger.warn("The operator does not know why this sensor does not start", { error: reason });
  }
}

/** What failed, and what to do, in lines. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const hint = "hint" in error && typeof error.hint === "string" ? error.hint : "";
  return hint === "" ? error.message : `${error.message}\n${hint}`;
}

/** With a network address, the sensor also listens on the default socket. */
export function startProblemFileOf({
  serverAddress,
}: Pick<SensorConfiguration, "serverAddress">): string {
  for (const text of [serverAddress, DEFAULT_SERVER_ADDRESS]) {
    const address = parseServerAddress(text);
    if (address !== undefined && "unix" in address) return startProblemFile(address.unix);
  }
  throw new Error("the default address is no socket");
}
