// SPDX-License-Identifier: Apache-2.0
import { type LibraryPolicy, levels } from "@gander/policy-test/library";
import { defineCommand } from "../define-command.ts";
import { columnsOf } from "../io.ts";
import { chosen, openLibrary } from "../library/library-access.ts";
import { listedFacts } from "../library/policy-facts.ts";
import { textTable } from "../text-table.ts";

/** `gander policy library list` */
export const libraryList = defineCommand({
  command: "gander policy library list",
  summary:
    "Lists the policies that this version brings. LEVEL: observe only reports; guard enforces, and is safe for every pod; strict enforces, for pods with the label guard.gander.dev/NAME. TECHNIQUES: of MITRE ATT&CK.",
  options: {
    pack: {
      type: "list",
      default: [],
      placeholder: "NAME",
      help: "Only of these packs, such as container-escape.",
      flagOnly: true,
    },
    level: {
      type: "list",
      default: [],
      values: levels,
      help: "Only of these levels.",
      flagOnly: true,
    },
    output: {
      type: "text",
      default: "text",
      values: ["text", "json"],
      short: "o",
      help: "A table, or everything as JSON.",
      flagOnly: true,
    },
  },
  examples: [
    "gander policy library list --level guard",
    "gander policy library list --pack network,kernel -o json",
  ],
  run: async ({ values }, io) => {
    const all = openLibrary();
    const ofPack = values.pack.length === 0 ? all : chosen(all, values.pack);
    const shown = ofPack.filter(
      ({ level }) => values.level.length === 0 || values.level.includes(level),
    );
    const text =
      values.output === "json"
        ? JSON.stringify(shown.map(listedFacts), undefined, 2)
        : table(shown, columnsOf(io));
    io.stdout.write(`${text}\n`);
    return 0;
  },
});

const header = ["NAME", "PACK", "LEVEL", "SEVERITY", "TECHNIQUES", "STOPS"];

/** The last column is a sentence; on a terminal it ends where the line does. */
function table(policies: readonly LibraryPolicy[], width = Number.POSITIVE_INFINITY): string {
  if (policies.length === 0)
    return "No policy of the library is in these packs and of these levels.";
  const rows = policies.map(({ name, pack, level, severity, techniques, stops }) => [
    ...[name, pack, level, severity, techniques.join(","), stops],
  ]);
  return textTable(header, rows)
    .text.split("\n")
    .map((line) => (line.length <= width ? line : `${line.slice(0, width - 1)}…`))
    .join("\n");
}
