// SPDX-License-Identifier: Apache-2.0
import { quote, quoteSentence } from "../events/quote.ts";
import { isDifferent } from "./compare-copies.ts";
import type { Comparison } from "./compare-copy.ts";

/** What differs, policy by policy, and a line with the numbers. */
export function comparisonText(all: readonly Comparison[]): string {
  const parts = all.filter(isDifferent).map(onePart);
  const count = (state: Comparison["state"]) => all.filter((one) => one.state === state).length;
  const monitored = all.filter(({ monitors }) => monitors).length;
  const numbers = [
    `${count("same")} as in the library`,
    `${count("different")} different`,
    `${count("gone")} that the library no longer has`,
    `${count("missing")} missing`,
  ].filter((text) => !text.startsWith("0 "));
  const summary = all.length === 0 ? "No policy of the library's packs" : numbers.join(", ");
  const modes = monitored === 0 ? "" : ` (${monitored} in mode monitor)`;
  return `${[...parts, `${summary}${modes}`].join("\n\n")}\n`;
}

function onePart({ name, where, state, sentences, diff }: Comparison): string {
  const title = quote(name);
  switch (state) {
    case "gone":
      return `${title} (${quoteSentence(where)}): this version of the library does not have it`;
    case "missing":
      return `${title}: there is no copy`;
    default:
      return [
        `${title} (${quoteSentence(where)}) differs`,
        ...sentences.map((sentence) => `  ${quoteSentence(sentence)}`),
        `--- ${quoteSentence(where)}`,
        `+++ the library`,
        ...diff.map(quoteSentence),
      ].join("\n");
  }
}
