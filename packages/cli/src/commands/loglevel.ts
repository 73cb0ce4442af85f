// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import type { LogLevel } from "@gander/proto";
import { clientOptions } from "../client-options.ts";
import { defineCommand } from "../define-command.ts";
import { withSensor } from "../with-sensor.ts";

const levels: Readonly<Record<string, LogLevel>> = {
  debug: "LOG_LEVEL_DEBUG",
  info: "LOG_LEVEL_INFO",
  warn: "LOG_LEVEL_WARN",
  error: "LOG_LEVEL_ERROR",
};

/** `gander loglevel [get | set LEVEL]` */
export const loglevel = defineCommand({
  command: "gander loglevel",
  summary:
    "Shows or changes which log lines the running sensor writes. After a restart it is again what its option --log-level says.",
  options: clientOptions,
  positionals: {
    placeholder: "[get | set LEVEL]",
    help: `LEVEL is one of ${Object.keys(levels).join(", ")}.`,
    min: 0,
    max: 2,
  },
  examples: ["sudo gander loglevel", "sudo gander loglevel set debug"],
  run: async ({ values, positionals }, io) => {
    const wanted = wantedLevel(positionals);
    const level = await withSensor(values, (sensor) => sensor.logLevel(wanted));
    const name = Object.keys(levels).find((one) => levels[one] === level);
    io.stdout.write(`${name ?? level ?? "unknown"}\n`);
    return 0;
  },
});

/** Undefined: it is only shown. */
function wantedLevel([verb = "get", ...rest]: readonly string[]): LogLevel | undefined {
  if (verb === "get" && rest.length === 0) return undefined;
  const level = levels[rest[0] ?? ""];
  if (verb === "set" && level !== undefined) return level;
  const known = Object.keys(levels).join(", ");
  throw new GanderError("client-bad-input", `Say get, or set with one of ${known}`);
}
