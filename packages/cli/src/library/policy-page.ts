// SPDX-License-Identifier: Apache-2.0
import { type LibraryPolicy, techniqueUrl } from "@gander/policy-test/library";
import { textTable } from "../text-table.ts";
import { costsOf, exceptionText } from "./policy-facts.ts";

/** `gander policy library show`: a policy for people. */
export function policyPage(policy: LibraryPolicy, width: number): string {
  const { name, pack, level, severity, techniques, sets, cases } = policy;
  const paragraphs: readonly (readonly [string, readonly string[]])[] = [
    ["Stops", wrapped(policy.stops, width)],
    ["Techniques", techniques.map((one) => `${one.padEnd(10)}${techniqueUrl(one)}`)],
    ["False positives", wrapped(policy.falsePositives, width)],
    ["Exceptions", wrapped(exceptionText(policy), width)],
    ["Exceptions ready to be used, with the names of your cluster", linesOf(policy.exceptions)],
    ["Sets", sets.map(({ name: set, values }) => `${set}: ${values.join(", ")}`)],
    ["Events", [`about ${policy.eventsAnHour} an hour on a busy node`]],
    ["Costs, in instructions at most", costTable(policy)],
    ["Tested", cases.map((one) => `${one.expect.padEnd(9)} ${one.name}`)],
  ];
  const body = paragraphs
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${title}\n${lines.map((line) => `  ${line}\n`).join("")}`);
  return `${name}: pack ${pack}, level ${level}, severity ${severity}\n\n${body.join("\n")}\nIts YAML: gander policy library export ${name}\n`;
}

function costTable(policy: LibraryPolicy): readonly string[] {
  const rows = costsOf(policy).map(({ hooks, filtered, elsewhere }) => [
    hooks,
    filtered.toLocaleString("en"),
    elsewhere.toLocaleString("en"),
  ]);
  const header = ["AT EACH CALL OF", "ALLOWED", "OTHER PROCESSES"];
  return textTable(header, rows, { right: header.slice(1) }).text.split("\n");
}

const linesOf = (text: string): readonly string[] =>
  text === "" ? [] : text.trimEnd().split("\n");

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && `  ${last} ${word}`.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
