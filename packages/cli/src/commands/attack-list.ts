// SPDX-License-Identifier: Apache-2.0
import { attackJson, attackText } from "../attacks/attack-text.ts";
import { defineCommand } from "../define-command.ts";
import { quoteSentence, terminalSafeJson } from "../events/quote.ts";
import { columnsOf } from "../io.ts";
import { textTable } from "../text-table.ts";

/** `gander attack list [NAME|PACK…]` */
export const attackList = defineCommand({
  command: "gander attack list",
  summary:
    "Lists the attacks of the policy library: harmless demonstrations of what its policies report or stop. With names: also the cases of each, and what they really do. Nothing is done.",
  options: {
    output: {
      type: "text",
      default: "text",
      values: ["text", "json"],
      short: "o",
      help: "A table, or everything as JSON.",
      flagOnly: true,
    },
  },
  positionals: {
    placeholder: "[NAME…]",
    help: "Names of attacks or packs; default: all.",
    min: 0,
    max: 1000,
  },
  examples: [
    "gander attack list",
    "gander attack list reverse-shells",
    "gander attack list -o json network",
  ],
  run: async ({ values, positionals }, io) => {
    // Loaded late: help needs none of it.
    const { findAttacks } = await import("@gander/policy-test/attacks");
    const isAll = positionals.length === 0;
    const attacks = findAttacks(isAll ? ["all"] : positionals);
    if (values.output === "json") {
      const all = await Promise.all(attacks.map(attackJson));
      io.stdout.write(`${terminalSafeJson(JSON.stringify({ attacks: all }, null, 2))}\n`);
    } else if (isAll) {
      const rows = attacks.map((one) => [
        ...[one.pack, one.name, one.level, one.severity, one.techniques.join(",")],
        String(one.cases.length),
      ]);
      const { text } = textTable(header, rows, {
        ...{ right: ["CASES"], width: columnsOf(io), dispensable: ["SEVERITY", "TECHNIQUES"] },
      });
      io.stdout.write(`${text}\n`);
    } else {
      const texts = await Promise.all(attacks.map(attackText));
      for (const line of texts.join("\n").split("\n")) io.stdout.write(`${quoteSentence(line)}\n`);
    }
    return 0;
  },
});

const header = ["PACK", "NAME", "LEVEL", "SEVERITY", "TECHNIQUES", "CASES"];
