// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import {
  createLogger,
  type LogLevel,
  type Problem,
  readConfigurationFiles,
  type Setting,
} from "@gander/base";
import {
  CONFIGURATION_FILE,
  type SensorConfiguration,
  sensorConfiguration,
} from "@gander/sensor/configuration";
import { defineCommand } from "../define-command.ts";
import type { Io } from "../io.ts";
import { VERSION } from "../version.ts";

/** `gander run`: the sensor itself, until it is told to stop. */
export const run = defineCommand({
  ...sensorConfiguration.table,
  files: settingsFromFiles,
  run: ({ values }, io) => runSensor(values, io),
});

async function settingsFromFiles(
  argv: readonly string[],
): Promise<{ settings: readonly Setting[]; problems: readonly Problem[] }> {
  // Wrong flags are reported when everything is read; here only the directory matters.
  const early = sensorConfiguration.load({ argv, env: {} }).value?.values;
  const { parse } = await import("yaml");
  const read = await readConfigurationFiles(
    {
      file: CONFIGURATION_FILE,
      directory: early?.configDir ?? sensorConfiguration.table.options["config-dir"].default,
    },
    parse,
  );
  return { settings: read.value ?? [], problems: read.problems ?? [] };
}

async function runSensor(configuration: SensorConfiguration, io: Io): Promise<number> {
  // Asked for at once: a signal during the start lets it come to its end, and then takes everything away.
  const { signal } = io;
  let level: LogLevel = configuration.logLevel;
  const logLevel = {
    get: () => level,
    set: (to: LogLevel) => {
      level = to;
    },
  };
  const logger = createLogger({
    level: logLevel.get,
    format: configuration.logFormat,
    write: (line) => void io.stderr.write(line),
  });
  const { createSensor } = await import("@gander/sensor");
  await using sensor = await createSensor(configuration, { logger, logLevel, version: VERSION });
  const rotate = () => sensor.rotateExports();
  process.on("SIGHUP", rotate);
  // With --remove-all and no probes to answer, nothing else keeps the process waiting for its signal.
  const awake = setInterval(() => {}, 2 ** 30);
  try {
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    clearInterval(awake);
    process.off("SIGHUP", rotate);
  }
  return 0;
}
