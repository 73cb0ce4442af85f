// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { clientOptions } from "../client-options.ts";
import { defineCommand } from "../define-command.ts";
import { quote } from "../events/quote.ts";
import { VERSION } from "../version.ts";
import { withSensor } from "../with-sensor.ts";

/** `gander version` */
export const version = defineCommand({
  command: "gander version",
  summary: "Prints the version of this program, and of the sensor if one runs.",
  options: {
    client: {
      type: "boolean",
      default: false,
      help: "Only the version of this program.",
      flagOnly: true,
    },
    ...clientOptions,
  },
  run: async ({ values }, io) => {
    io.stdout.write(`gander ${VERSION}\n`);
    if (values.client) return 0;
    try {
      const answer = await withSensor(values, (sensor) => sensor.version());
      io.stdout.write(`sensor ${quote(answer)}\n`);
    } catch (error) {
      if (!(error instanceof GanderError)) throw error;
      io.stdout.write("sensor: none that can be reached\n");
    }
    return 0;
  },
});
