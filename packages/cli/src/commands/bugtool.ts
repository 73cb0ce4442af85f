// SPDX-License-Identifier: Apache-2.0
import { hostname } from "node:os";
import { GanderError } from "@gander/base";
import { clientOptions } from "../client-options.ts";
import { defineCommand } from "../define-command.ts";
import { terminalSafeJson } from "../events/quote.ts";
import { VERSION } from "../version.ts";
import { withSensor } from "../with-sensor.ts";

/** `gander bugtool` */
export const bugtool = defineCommand({
  command: "gander bugtool",
  summary:
    "Writes an archive that helps others to find what is wrong with the sensor of this machine, and says what is found at once. It works without a running sensor. Arguments and environment of processes, events, passwords and tokens, and values of the kernel's parameters that may be secret are not in it. Needs root. Exit status: 0 if nothing is found wrong, 1 if something is.",
  options: {
    output: {
      type: "text",
      default: "",
      placeholder: "FILE",
      help: "The archive, a gzipped tar file; it must not exist [default: gander-bugtool-NODE-TIME.tar.gz]",
      flagOnly: true,
      aliases: ["out"],
    },
    ...clientOptions,
  },
  examples: ["sudo gander bugtool", "sudo gander bugtool --output /tmp/node-7.tar.gz"],
  run: async ({ values }, io) => {
    const [host, findings, answers, { writeArchive }, { redactText }] = await Promise.all([
      import("../bugtool/host-facts.ts"),
      import("../bugtool/findings.ts"),
      import("../bugtool/sensor-findings.ts"),
      import("../bugtool/archive.ts"),
      import("../bugtool/redact.ts"),
    ]);
    const process = host.findSensorProcess();
    const settings = await findings.readSettings(process);
    const files = new Map([...host.hostFiles(), ...(process ? host.processFiles(process) : [])]);
    const found: string[] = [];
    if (process === undefined) found.push("No sensor runs on this machine.");
    try {
      const said = await withSensor(values, answers.askAll);
      for (const [name, content] of Object.entries(said))
        files.set(`sensor/${name}.json`, asJson(content));
      found.push(...answers.sensorFindings(said));
    } catch (error) {
      found.push(errorText(error));
    }
    found.push(...(await findings.hostFindings(settings)));
    const { stateDir, bpfDir, policies } = settings.values;
    files.set(
      "sensor/settings.json",
      asJson({ values: settings.values, origins: settings.origins }),
    );
    files.set("sensor/state.txt", host.listing(stateDir));
    files.set(
      "sensor/pins.txt",
      host.listing(bpfDir.startsWith("/") ? bpfDir : `/sys/fs/bpf/${bpfDir}`),
    );
    files.set("sensor/policy-folders.txt", policies.map((one) => host.listing(one)).join(""));
    const lines = [...new Set(found)];
    const summary =
      lines.length === 0 ? "Nothing was found wrong.\n" : lines.map((one) => `- ${one}\n`).join("");
    files.set(
      "SUMMARY.txt",
      `gander ${VERSION} on ${hostname()}, ${new Date().toISOString()}\n\n${summary}`,
    );
    const time = new Date().toISOString().replace(/[-:]|\..*/g, "");
    const folder = `gander-bugtool-${hostname()}-${time}`;
    const path = values.output === "" ? `${folder}.tar.gz` : values.output;
    try {
      const redacted = [...files].map(([name, text]) => [name, redactText(text)] as const);
      await writeArchive(path, folder, new Map(redacted.toSorted()));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new GanderError("client-bad-input", `Cannot write ${path}: ${reason}`, { cause });
    }
    io.stdout.write(`${summary}${path}\n`);
    return lines.length === 0 ? 0 : 1;
  },
});

const asJson = (content: unknown): string =>
  `${terminalSafeJson(JSON.stringify(content, undefined, 1))}\n`;

function errorText(error: unknown): string {
  if (!(error instanceof GanderError))
    return error instanceof Error ? error.message : String(error);
  return error.hint === "" ? error.message : `${error.message}\n  ${error.hint}`;
}
