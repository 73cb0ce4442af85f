// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { readlink } from "node:fs/promises";
import type { RecordedProcess, RecordingSummary } from "@gander/policy-test/recording";
import { clientOptions } from "../client-options.ts";
import { defineCommand } from "../define-command.ts";
import { quote } from "../events/quote.ts";
import { withSensor } from "../with-sensor.ts";

/** `gander record --policy FILE… --output FILE`: 0 if nothing was lost, 2 if something was. */
export const record = defineCommand({
  command: "gander record",
  summary:
    "Records the calls that the hooks of policies see, for gander policy replay and compare. The sensor gets a companion of each policy, which has the same hooks and arguments, no filters and only posts events; it enforces nothing, and it is removed at the end. Calls that filters can't tell apart are one line with their number. Ends after --for, or by Ctrl-C. What was lost is in the recording; exit status 2 if something was.",
  options: {
    policy: {
      type: "list",
      default: [],
      placeholder: "FILE",
      help: "Policy files, or directories of them; give it again for more.",
      flagOnly: true,
    },
    output: {
      type: "text",
      default: "",
      placeholder: "FILE",
      help: "The recording; it is replaced as a whole, every --checkpoint and at the end.",
      flagOnly: true,
    },
    for: {
      type: "duration",
      default: 0,
      max: 20 * 86_400_000,
      placeholder: "TIME",
      help: "How long, such as 24h; 0: until Ctrl-C.",
      flagOnly: true,
    },
    namespace: {
      type: "list",
      default: [],
      short: "n",
      aliases: ["namespaces"],
      placeholder: "NAME",
      help: "Only calls of pods in these namespaces.",
      flagOnly: true,
    },
    pod: {
      type: "list",
      default: [],
      aliases: ["pods"],
      commas: "keep",
      placeholder: "REGEX",
      help: "Only calls of pods whose name matches.",
      flagOnly: true,
    },
    "max-calls": {
      type: "number",
      default: 200_000,
      min: 1,
      max: 5_000_000,
      help: "The most calls that differ; further ones are counted as lost.",
      group: "Bounds",
      flagOnly: true,
    },
    "max-size": {
      type: "size",
      default: 96 * 2 ** 20,
      min: 4096,
      max: 2 ** 30,
      help: "The most that their texts may take in memory; the file is smaller, because it is compressed.",
      group: "Bounds",
      flagOnly: true,
    },
    checkpoint: {
      type: "duration",
      default: 300_000,
      min: 1000,
      help: "How often the file is written while the recording runs.",
      group: "Bounds",
      flagOnly: true,
    },
    "bpf-dir": {
      type: "text",
      default: "/sys/fs/bpf/gander",
      placeholder: "DIR",
      help: "The sensor's: by its lock, the sensor's own calls are left out, which the recording would cause.",
      group: "Sensor",
      flagOnly: true,
    },
    ...clientOptions,
  },
  examples: [
    "sudo gander record --policy my-policy.yaml --for 24h --output monday.rec",
    "sudo gander record --policy policies/ -n shop --output shop.rec",
  ],
  run: async ({ values }, io) => {
    const { policy: files, output, namespace: namespaces, pod: pods } = values;
    if (files.length === 0 || output === "") {
      io.stderr.write("gander: --policy and --output are needed. See gander record --help.\n");
      return 2;
    }
    const [{ policiesOfFiles }, { Recorder }, { neverRecorded }, { linearRegex }] =
      await Promise.all([
        import("../recording/policies-of-files.ts"),
        import("../recording/recorder.ts"),
        import("@gander/policy-test/recording"),
        import("@gander/base/linear-regex"),
      ]);
    const policies = await policiesOfFiles(files, io);
    if (typeof policies === "number") return policies;
    const note = (text: string) => io.stderr.write(`gander: ${text}\n`);
    for (const { compiled } of policies)
      for (const what of neverRecorded(compiled))
        note(
          `${quote(compiled.name)} filters on ${what}, which events do not have: what that decides will be unknown`,
        );
    const patterns = pods.map((pattern) => linearRegex(pattern));
    const wants = ({ pod }: RecordedProcess) =>
      (namespaces.length === 0 || (pod !== undefined && namespaces.includes(pod.namespace))) &&
      (patterns.length === 0 || (pod !== undefined && patterns.some((one) => one.test(pod.name))));
    const recorder = new Recorder({
      ...{ policies, output, namespaces, pods, wants, note },
      ...{ maxCalls: values.maxCalls, maxChars: values.maxSize },
      withoutPids: async () => [process.pid, ...(await sensorPid(values.bpfDir))],
      ...{ id: randomBytes(4).toString("hex"), checkpointMs: values.checkpoint },
      settleMs: 10_000,
    });
    const ends = values.for > 0 ? [AbortSignal.timeout(values.for)] : [];
    const signal = AbortSignal.any([io.signal, ...ends]);
    const summary = await recorder.run((use) => withSensor(values, use), signal);
    io.stdout.write(`${summaryText(output, summary)}\n`);
    return summary.losses.length === 0 ? 0 : 2;
  },
});

/** The lock of a sensor is a link to its pid and start time. */
async function sensorPid(bpfDir: string): Promise<readonly number[]> {
  const holder = await readlink(`${bpfDir}/lock`).catch(() => "");
  const pid = Number.parseInt(holder, 10);
  return Number.isInteger(pid) && pid > 0 ? [pid] : [];
}

function summaryText(output: string, { calls, lines, losses }: RecordingSummary): string {
  const what = `${quote(output)}: ${calls} calls, of which ${lines} differ`;
  return losses.length === 0
    ? `${what}; nothing was lost`
    : `${what}; INCOMPLETE, see gander policy replay`;
}
