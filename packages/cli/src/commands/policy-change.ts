// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { checkPolicy, formatProblems } from "@gander/policy";
import { clientOptions } from "../client-options.ts";
import { defineCommand } from "../define-command.ts";
import { quote } from "../events/quote.ts";
import { explainError } from "../explain-error.ts";
import { type Io, wantsColor } from "../io.ts";
import { namespaceOption } from "../namespace-option.ts";
import { filesIn, readInput } from "../read-input.ts";
import type { PolicyKey, SensorClient } from "../sensor-client.ts";
import { withSensor } from "../with-sensor.ts";

const keyOptions = {
  namespace: namespaceOption,
  domain: {
    type: "text",
    default: "",
    placeholder: "NAME",
    help: "The source of the policy, if both have one of this name: grpc (gander policy add) or static (a file of the sensor).",
    flagOnly: true,
  },
} as const;

const names = { placeholder: "NAME…", help: "Names of policies.", min: 1, max: 1000 } as const;

/** `gander policy add FILE…` */
export const policyAdd = defineCommand({
  command: "gander policy add",
  summary:
    "Adds policies to the running sensor. A policy of the same name is replaced; at every moment, one of the two is in force.",
  options: { ...clientOptions },
  positionals: {
    placeholder: "FILE…",
    help: "Policy files, or directories of them; - is the standard input.",
    min: 1,
    max: 1000,
  },
  examples: [
    "sudo gander policy add my-policy.yaml",
    "cat my-policy.yaml | sudo gander policy add -",
  ],
  run: ({ values, positionals }, io) =>
    withSensor(values, async (sensor) =>
      forEach(await filesIn(positionals), io, async (file) => {
        const { name, text: yaml } = await readInput(file, io);
        // The sensor checks it as well, but only this process has the lines to show.
        const { problems } = checkPolicy(yaml, { file: name });
        if (problems !== undefined) {
          const sources = new Map([[name, yaml]]);
          const text = formatProblems(problems, { color: wantsColor(io, "auto"), sources });
          io.stderr.write(text);
          return undefined;
        }
        await sensor.addPolicy(yaml).catch((error: unknown) => {
          throw inFile(name, error);
        });
        return `${quote(file)}: added`;
      }),
    ),
});

/** What the sensor says of a policy, it says without knowing the file. */
function inFile(file: string, error: unknown): unknown {
  if (!(error instanceof GanderError) || error.code !== "client-refused") return error;
  const { code, message, hint, retryable } = error;
  return new GanderError(code, `${file}: ${message}`, { hint, retryable, cause: error });
}

export const policyDelete = changeCommand({
  name: "delete",
  summary: "Removes policies from the running sensor. What they guarded is no longer guarded.",
  done: "deleted",
  change: (sensor, key) => sensor.deletePolicy(key),
});

export const policyEnable = changeCommand({
  name: "enable",
  summary: "Puts disabled policies in force again.",
  done: "enabled",
  change: (sensor, key) => sensor.configurePolicy(key, { enable: true }),
});

export const policyDisable = changeCommand({
  name: "disable",
  summary: "Disables policies; the sensor keeps them, so that they can be enabled again.",
  done: "disabled",
  change: (sensor, key) => sensor.configurePolicy(key, { enable: false }),
});

export const policyRearm = changeCommand({
  name: "rearm",
  summary:
    "Arms the blown fuse of policies again, on this node: they enforce from now on. In a cluster, the annotation gander.dev/fuse-rearmed does that on all nodes.",
  done: "armed again; it enforces",
  change: (sensor, key) => sensor.configurePolicy(key, { rearm_fuse: true }),
});

/** `gander policy set-mode NAME… --mode monitor` */
export const policySetMode = defineCommand({
  command: "gander policy set-mode",
  summary:
    "Makes policies enforce or only monitor: in mode monitor nothing is killed or denied, and what would have been is counted.",
  options: {
    mode: {
      type: "text",
      default: "",
      values: ["enforce", "monitor", ""],
      placeholder: "enforce|monitor",
      help: "The mode; you can also give it after the names.",
      flagOnly: true,
    },
    ...keyOptions,
    ...clientOptions,
  },
  positionals: {
    placeholder: "NAME… [MODE]",
    help: "Names of policies, then the mode.",
    min: 1,
    max: 1000,
  },
  examples: ["sudo gander policy set-mode file-monitoring-filtered monitor"],
  run: ({ values, positionals }, io) => {
    const last = positionals.at(-1) ?? "";
    const behind = values.mode === "" && positionals.length > 1 ? MODES[last] : undefined;
    const mode = behind ?? MODES[values.mode];
    if (mode === undefined) {
      io.stderr.write("gander: which mode? Put enforce or monitor behind the names.\n");
      return Promise.resolve(2);
    }
    const wanted = behind === undefined ? positionals : positionals.slice(0, -1);
    return withSensor(values, (sensor) =>
      forEach(wanted, io, async (name) => {
        await sensor.configurePolicy({ ...keyOf(values), name }, { mode });
        return `${quote(name)}: mode ${mode === "TP_MODE_MONITOR" ? "monitor" : "enforce"}`;
      }),
    );
  },
});

const MODES: Readonly<Record<string, "TP_MODE_ENFORCE" | "TP_MODE_MONITOR">> = {
  enforce: "TP_MODE_ENFORCE",
  monitor: "TP_MODE_MONITOR",
};

type Change = {
  readonly name: string;
  readonly summary: string;
  readonly done: string;
  readonly change: (sensor: SensorClient, key: PolicyKey) => Promise<void>;
};

function changeCommand({ name: command, summary, done, change }: Change) {
  return defineCommand({
    command: `gander policy ${command}`,
    summary,
    options: { ...keyOptions, ...clientOptions },
    positionals: names,
    examples: [`sudo gander policy ${command} my-policy`],
    run: ({ values, positionals }, io) =>
      withSensor(values, (sensor) =>
        forEach(positionals, io, async (name) => {
          await change(sensor, { ...keyOf(values), name });
          return `${quote(name)}: ${done}`;
        }),
      ),
  });
}

function keyOf(values: { readonly namespace: string; readonly domain: string }) {
  return { namespace: values.namespace, domain: values.domain };
}

/** Tries all of them, even if one fails; 1 if one failed. `act` returns the text to print on success. */
async function forEach(
  items: readonly string[],
  io: Io,
  act: (item: string) => Promise<string | undefined>,
): Promise<number> {
  let status = 0;
  for (const item of items) {
    try {
      const done = await act(item);
      if (done === undefined) status = 1;
      else io.stdout.write(`${done}\n`);
    } catch (error) {
      status = 1;
      io.stderr.write(`${explainError(error)}\n`);
    }
  }
  return status;
}
