// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { hookKindNames, hookKinds } from "@gander/crd-schemas";
import { describe, expect, it } from "vitest";
import { checkPolicy, limits } from "../src/index.ts";

const page = readFileSync(new URL("../../../docs/policies.md", import.meta.url), "utf8");

describe("docs/policies.md", () => {
  const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");

  it.each(examples.map((text, i) => [i, text] as const))(
    "example %i is a policy without problems",
    (_, text) => {
      const { value, problems } = checkPolicy(text, { file: "docs/policies.md" });
      expect(problems ?? value?.flatMap(({ warnings }) => warnings)).toEqual([]);
    },
  );

  it("has examples", () => expect(examples.length).toBeGreaterThanOrEqual(3));

  it("names every section", () => {
    for (const kind of hookKindNames)
      for (const section of hookKinds[kind].sections) expect(page).toContain(`\`${section}\``);
  });

  it.each([
    [
      "size of a file, also with its aliases written out",
      `${limits.fileBytes} bytes, ${limits.documents} documents, ${limits.depth} levels`,
    ],
    ["hooks in a policy", `${limits.hooks}`],
    ["selectors of a hook", `${limits.selectors}`],
    ["filters in a selector", `${limits.filters}`],
    [
      "expression; alternatives of the expressions in a selector",
      `${limits.expressionCharacters} characters; ${limits.alternatives}`,
    ],
    ["arguments of a hook", `${limits.args}`],
    ["last position of an argument", `${limits.argIndex}`],
    [
      "last position of an argument of a static probe; provider, name",
      `${limits.probeIndex}; ${limits.probeCharacters} characters`,
    ],
    ["steps of a path", `${limits.pathSteps}`],
    [
      "last position of an argument in `matchExecArgs`; names in `matchExecEnv`; value in both",
      `${limits.execArgument}; ${limits.execNames}; ${limits.execBytes} bytes`,
    ],
    [
      "values of a filter, with those of its sets; values of a ValueSet, length of one",
      `${limits.values}; ${limits.setValues}, ${limits.setValueCharacters} characters`,
    ],
    ["ranges of a filter", `${limits.ranges}`],
    [
      "values in `matchPIDs`, `matchNamespaces`, `matchNamespaceChanges`",
      `${limits.pids}, ${limits.namespaces}, ${limits.namespaces}`,
    ],
    [
      "length of a value: Equal, Prefix, Postfix, SubString",
      `${limits.stringBytes}, ${limits.prefixBytes}, ${limits.postfixBytes}, ${limits.substringBytes} bytes`,
    ],
    ["path in `matchBinaries`, `matchParentBinaries`", `${limits.binaryBytes} bytes`],
    [
      "path of a program in `uprobes` and `usdts`, name of a function",
      `${limits.programPathBytes} bytes, ${limits.symbolCharacters} characters`,
    ],
    [
      "pattern of a list; functions that it may match; generated lists in a policy",
      `${limits.patternCharacters} characters, ${limits.patternStates} states; ${limits.generatedFunctions}; ${limits.generatedLists}`,
    ],
    [
      "message, tag, label",
      `${limits.messageBytes}, ${limits.tagBytes}, ${limits.labelBytes} bytes; longer ones are cut, with a warning`,
    ],
    ["rate limit", `${limits.rateLimitMs / 3_600_000} h`],
    ["`matchCount`: calls; time", `${limits.countedCalls}; ${limits.countWindowMs / 3_600_000} h`],
  ])("limit: %s", (what, most) => {
    expect(page).toContain(`| ${what} | ${most} |`);
  });
});

/** The programs hold values in structures of fixed size; a policy must not pass what they cannot. */
it("limits fit into bpf/abi.h", () => {
  const text = ["abi.h", "records.h", "scratch.bpf.h"]
    .map((name) => readFileSync(new URL(`../../../bpf/${name}`, import.meta.url), "utf8"))
    .join("\n");
  const size = (name: string): number => {
    const found =
      new RegExp(`\\b${name} = (\\d+)`).exec(text) ??
      new RegExp(`#define ${name} (\\d+)`).exec(text);
    if (!found) throw new Error(`${name} is not in abi.h`);
    return Number(found[1]);
  };
  expect(limits.prefixBytes).toBeLessThanOrEqual(size("PREFIX_SIZE"));
  expect(limits.postfixBytes).toBeLessThanOrEqual(size("POSTFIX_SIZE"));
  expect(limits.binaryBytes).toBeLessThan(size("BINARY_SIZE"));
  expect(limits.args).toBeLessThanOrEqual(size("RULE_ARGS"));
  expect(limits.countedCalls).toBe(size("TALLY_CALLS"));
  expect(limits.stringBytes).toBeLessThan(size("TEXT_SIZE"));
});
