// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from "../define-command.ts";
import { exceptionYaml, readPolicyEvent } from "../exception-from-event.ts";
import { readInput } from "../read-input.ts";

const dayMs = 24 * 3_600_000;

/** `gander policy except EVENT.json|-` */
export const policyExcept = defineCommand({
  command: "gander policy except",
  summary:
    "Writes an exception for what an event shows: its policy, the workload, the program and the files. Read it, widen or narrow it, and write its reason: `gander policy check` refuses it until then. Of several events, the first one of a policy is used. Nothing is applied.",
  options: {
    namespaced: {
      type: "boolean",
      default: false,
      help: "For the namespace of the event's pod: a PolicyExceptionNamespaced.",
      flagOnly: true,
    },
    days: {
      type: "number",
      default: 30,
      min: 1,
      max: 3_650,
      placeholder: "N",
      help: "When it is to expire, from now.",
      flagOnly: true,
    },
  },
  positionals: {
    placeholder: "EVENT",
    help: "A file with an event as JSON, such as a line of the export; - is the standard input.",
    min: 1,
    max: 1,
  },
  examples: [
    "gander events -o json --policy-names guard-etc | head -1 | gander policy except - > exception.yaml",
    "gander policy except --namespaced --days 7 event.json",
  ],
  run: async ({ values, positionals }, io) => {
    const [file = "-"] = positionals;
    const { name, text } = await readInput(file, io);
    const expires = new Date(Date.now() + values.days * dayMs);
    const event = readPolicyEvent(text, name);
    io.stdout.write(exceptionYaml(event, { isNamespaced: values.namespaced, expires }));
    return 0;
  },
});
