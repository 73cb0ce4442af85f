// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { GanderError, readConfigurationFiles } from "@gander/base";
import { checkPolicy } from "@gander/policy";
import {
  CONFIGURATION_FILE,
  type SensorConfiguration,
  sensorConfiguration,
} from "@gander/sensor/configuration";
import { policyFiles } from "@gander/sensor/policy-file";
import { requirePreconditions } from "@gander/sensor/preconditions";
import { parse } from "yaml";
import { problemText } from "../problem-text.ts";
import { freeShare, type SensorProcess } from "./host-facts.ts";

export type Settings = {
  /** As the sensor reads them; the defaults if they are wrong. */
  readonly values: SensorConfiguration;
  readonly origins: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
};

/** Of the running sensor, or of one that would be started without flags. */
export async function readSettings(sensor: SensorProcess | undefined): Promise<Settings> {
  const { argv, env } = sensor ?? { argv: [], env: {} };
  const directory = sensorConfiguration.load({ argv, env: {} }).value?.values.configDir;
  const files = await readConfigurationFiles(
    {
      file: CONFIGURATION_FILE,
      directory: directory ?? sensorConfiguration.table.options["config-dir"].default,
    },
    parse,
  );
  const loaded = sensorConfiguration.load({ argv, env, files: files.value ?? [] });
  const problems = [...(files.problems ?? []), ...(loaded.problems ?? [])].map(problemText);
  const { values, origins } =
    loaded.value ?? sensorConfiguration.load({ argv: [], env: {} }).value ?? unreachable();
  return { values, origins, problems };
}

/** What is wrong on this machine, most likely cause first, without asking the sensor. */
export async function hostFindings({ values, problems }: Settings): Promise<readonly string[]> {
  return [
    ...problems.map((problem) => `The configuration is wrong: ${problem}`),
    ...missing(values),
    ...(await wrongPolicies(values)),
    ...fullDisks(values),
  ];
}

function missing({ bpfDir, newPods }: SensorConfiguration): readonly string[] {
  const wanted = {
    bpfFolder: isAbsolute(bpfDir) ? bpfDir : resolve("/sys/fs/bpf", bpfDir),
    cgroupRoot: "/sys/fs/cgroup",
    holdsPods: newPods === "hold",
  };
  try {
    requirePreconditions(wanted, "start");
    return [];
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return error instanceof GanderError ? text.split("\n") : [`What a sensor needs: ${text}`];
  }
}

async function wrongPolicies({ policies, tracingPolicy }: SensorConfiguration) {
  const folders = policies.filter(existsSync);
  const { paths } = await policyFiles(folders);
  return [...paths, ...tracingPolicy].flatMap((file): string[] => {
    try {
      const { problems = [] } = checkPolicy(readFileSync(file, "utf8"), { file });
      const errors = problems.filter(({ severity }) => severity === "error");
      return errors.map((problem) => `A policy is refused: ${problemText(problem)}`);
    } catch (error) {
      return [`A policy cannot be read: ${error instanceof Error ? error.message : error}`];
    }
  });
}

function fullDisks({ stateDir, exportFilename }: SensorConfiguration): readonly string[] {
  const places = [stateDir, ...(exportFilename.startsWith("/") ? [exportFilename] : [])];
  return places.flatMap((place) => {
    const existing = existsSync(place) ? place : resolve(place, "..");
    const free = freeShare(existing);
    return free === undefined || free >= 0.01
      ? []
      : [`There is no room at ${place}: ${(free * 100).toFixed(1)} % of its file system is free.`];
  });
}

function unreachable(): never {
  throw new Error("the defaults of the sensor are wrong");
}
