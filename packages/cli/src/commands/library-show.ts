// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from "../define-command.ts";
import { columnsOf } from "../io.ts";
import { chosen, openLibrary } from "../library/library-access.ts";
import { allFacts } from "../library/policy-facts.ts";
import { policyPage } from "../library/policy-page.ts";

/** `gander policy library show NAME…` */
export const libraryShow = defineCommand({
  command: "gander policy library show",
  summary:
    "Says of policies of the library what they stop, what else they hit and what to do about that, what they cost, and what their tests try.",
  options: {
    output: {
      type: "text",
      default: "text",
      values: ["text", "json"],
      short: "o",
      help: "For people, or as JSON: an array.",
      flagOnly: true,
    },
  },
  positionals: {
    placeholder: "NAME|PACK|LEVEL…",
    help: "Policies, all of a pack, or all of a level.",
    min: 1,
    max: 1000,
  },
  examples: [
    "gander policy library show reverse-shells",
    "gander policy library show container-escape -o json",
  ],
  run: async ({ values, positionals }, io) => {
    const policies = chosen(openLibrary(), positionals);
    const width = Math.min(columnsOf(io) ?? 100, 100);
    io.stdout.write(
      values.output === "json"
        ? `${JSON.stringify(policies.map(allFacts), undefined, 2)}\n`
        : policies.map((policy) => policyPage(policy, width)).join("\n"),
    );
    return 0;
  },
});
