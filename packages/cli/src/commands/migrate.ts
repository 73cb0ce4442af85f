// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { defineCommand } from "../define-command.ts";
import { quote, quoteSentence } from "../events/quote.ts";
import { readInput } from "../read-input.ts";

/** `gander migrate --values FILE` */
export const migrate = defineCommand({
  command: "gander migrate",
  summary:
    "Turns values of Tetragon's Helm chart into values of Gander's, on the standard output. What has no place there, or means something else, is listed on the standard error. Exit status: 0, also if something has no place.",
  options: {
    values: {
      type: "text",
      default: "",
      placeholder: "FILE",
      help: "A YAML file, such as `helm get values tetragon -n kube-system` writes it; - is the standard input.",
      flagOnly: true,
    },
    output: {
      type: "text",
      default: "yaml",
      values: ["yaml", "json"],
      short: "o",
      help: "yaml is a file of values; json also has the remarks.",
      flagOnly: true,
    },
  },
  examples: [
    "gander migrate --values tetragon-values.yaml > gander-values.yaml",
    "helm get values tetragon -n kube-system | gander migrate --values -",
  ],
  run: async ({ values: { values: file, output } }, io) => {
    if (file === "")
      throw new GanderError("client-bad-input", "--values FILE is missing: it names the values");
    const [{ parse, stringify }, { migrateValues }] = await Promise.all([
      import("yaml"),
      import("../migrate/migrate-values.ts"),
    ]);
    const { name, text } = await readInput(file, io);
    const { values, remarks } = migrateValues(asMap(name, () => parse(text)));
    if (output === "json") {
      io.stdout.write(`${JSON.stringify({ values, remarks }, undefined, 2)}\n`);
      return 0;
    }
    for (const { path, message } of remarks)
      io.stderr.write(`${quote(path)}: ${quoteSentence(message)}\n`);
    io.stdout.write(stringify(values));
    return 0;
  },
});

function asMap(name: string, read: () => unknown): Readonly<Record<string, unknown>> {
  let found: unknown;
  try {
    found = read() ?? {};
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GanderError("client-bad-input", `${name} is not YAML: ${reason}`, { cause });
  }
  if (typeof found === "object" && found !== null && !Array.isArray(found))
    return found as Readonly<Record<string, unknown>>;
  throw new GanderError("client-bad-input", `${name} has no values: it must be a mapping`);
}
