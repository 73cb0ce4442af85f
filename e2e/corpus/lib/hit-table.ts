// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import type { Hits } from "./hits.ts";
import type { Work } from "./ordinary-work.ts";

/** Markdown: a row for each policy, with the work that it met and how often. */
export function hitTable(
  work: readonly Work[],
  policies: readonly CompiledPolicy[],
  seen: ReadonlyMap<string, Hits>,
): string {
  const names = policies.map(({ name }) => name).toSorted();
  const rows = names.map((policy) => {
    const met = work.flatMap(({ name }) => {
      const count = seen.get(name)?.get(policy);
      return count === undefined ? [] : [`${name} ${count}`];
    });
    return `| ${policy} | ${met.join(", ") || "none"} |`;
  });
  return ["| policy | matches |", "|---|---|", ...rows, ""].join("\n");
}
