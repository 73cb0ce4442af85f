// SPDX-License-Identifier: Apache-2.0
import { argTests, type CompiledFilter, hasForm, type TestOf } from "@gander/policy";
import type { InstalledRule } from "../../link/planned-rule.ts";

// Tables: the structs of bpf/abi.h, twice for tables with two sides. Sets: key and value plus the kernel's
// bookkeeping, rounded up to its allocator's sizes; a trie has about one inner node per entry.
const bytes = {
  rule: 2 * 32,
  row: 2 * 56,
  verdict: 2 * 24,
  count: 128,
  number: 96,
  text: 160,
  trieNode: 1024,
};

const binaryBytes = {
  equal: bytes.text,
  prefix: bytes.trieNode,
  postfix: bytes.trieNode,
  file: bytes.number,
};

/**
 * Bytes of kernel memory for these rules and the values that they compare with; values shared by several
 * policies count for each. Programs and the tables as a whole are shared and not included.
 */
export function kernelMemoryOf(rules: readonly InstalledRule[]): number {
  let sum = 0;
  const seen = new Set<CompiledFilter>();
  for (const { planned } of rules) {
    sum += bytes.rule;
    for (const { filters, returnFilters } of planned.selectors) {
      sum += bytes.verdict + bytes.count;
      for (const filter of [...filters, ...returnFilters]) {
        sum += bytes.row;
        // The rules of one hook entry share their filters and therefore the sets.
        if (!seen.has(filter)) sum += valuesMemory(filter);
        seen.add(filter);
      }
    }
  }
  return sum;
}

function valuesMemory(filter: CompiledFilter): number {
  if (filter.on === "binary" || filter.on === "parent-binary")
    return filter.paths.length * binaryBytes[filter.match];
  if (filter.on === "pid") return filter.pids.length > 4 ? filter.pids.length * bytes.number : 0;
  const names = filter.on === "exec-variable" ? filter.names.length * bytes.trieNode : 0;
  if (filter.on === "exec-argument" || filter.on === "exec-variable")
    return names + (filter.test.op === "exists" ? 0 : textsMemory(filter.test));
  if (filter.on === "any")
    return filter.of.flat().reduce((sum, one) => sum + bytes.row + valuesMemory(one), 0);
  if (filter.on !== "arg") return 0;
  const { test } = filter;
  if (hasForm(test, "texts")) return textsMemory(test);
  if (hasForm(test, "networks")) return test.networks.length * 2 * bytes.text;
  if (hasForm(test, "integers") && test.values.length > 4) return test.values.length * bytes.number;
  return 0;
}

function textsMemory({ op, values }: TestOf<"texts">): number {
  return values.length * (argTests[op].set === "strings" ? bytes.text : bytes.trieNode);
}
