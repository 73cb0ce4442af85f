// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { checkPolicy, formatProblems } from "../../packages/policy/src/index.ts";
import { type Generator, repeated, series } from "../src/generators.ts";
import type { Target } from "../src/target.ts";

/** Texts of about `size` bytes, each of which takes some parser of YAML quadratic time, or more. */
const bombs: Readonly<Record<string, Generator>> = {
  "merge keys in one flow mapping": (size) => `a: &a {b: 1}\nc: {${repeated("<<: *a, ", size)}}`,
  "merge keys in one block": (size) => `a: &a {b: 1}\nc:\n${repeated("  <<: *a\n", size)}`,
  "a merge of many": (size) => `a: &a {b: 1}\nc: {<<: [${repeated("*a, ", size)}]}`,
  "merges of merges": (size) =>
    `a0: &a0 {b: 1}\n${series(size, (i) => `a${i + 1}: &a${i + 1} {<<: *a${i}, k${i}: 1}\n`)}`,
  "many aliases": (size) => `a: &a x\nc: [${repeated("*a, ", size)}]`,
  "aliases of nothing": (size) => `c: [${repeated("*a, ", size)}]`,
  "many anchors, many aliases": (size) =>
    `c: [${series(size / 2, (i) => `&a${i} x, `)}${repeated("*a0, ", size / 2)}]`,
  "each alias after its anchor": (size) => `c: [${series(size, (i) => `&a${i} x, *a${i}, `)}]`,
  "the same anchor again and again": (size) => `c: [${repeated("&a x, *a, ", size)}]`,
  "aliases of themselves": (size) => series(size, (i) => `k${i}: &m {a: *m}\n`),
  "aliases of aliases": (size) =>
    series(size, (i) => (i === 0 ? "a0: &a0 [x]\n" : `a${i}: &a${i} [*a${i - 1}]\n`)),
  "nine aliases of nine aliases": (size) =>
    series(size, (i) =>
      i === 0 ? "a0: &a0 [x, x, x]\n" : `a${i}: &a${i} [${`*a${i - 1}, `.repeat(9)}]\n`,
    ),
  "a long text, often": (size) =>
    `a: &a ${"x".repeat(size / 2)}\nc: [${repeated("*a, ", size / 2)}]`,
  "the same key": (size) => repeated("a: 1\n", size),
  "keys of a block": (size) => series(size, (i) => `k${i}: 1\n`),
  "keys of a flow": (size) => `{${series(size, (i) => `k${i}, `)}}`,
  brackets: (size) => repeated("[", size),
  "closed brackets": (size) => `${repeated("[", size / 2)}${repeated("]", size / 2)}`,
  "brackets that were not opened": (size) => repeated("]", size),
  "brackets that do not fit": (size) => repeated("[}", size),
  commas: (size) => `[${repeated(",", size)}]`,
  quotes: (size) => repeated('"', size),
  "a quote that is not closed": (size) => `"${repeated("a\n", size)}`,
  "blanks in quotes": (size) => `"a${repeated(" \t", size)}\n"`,
  "blank lines in a text": (size) => `k: a${repeated("\n", size)} b`,
  "a folded block of blanks": (size) => `a: >\n x\n${repeated(" \n", size)}`,
  "comments between entries": (size) => `a:\n  - 1\n${repeated(" # x\n", size)}b: 1\n`,
  "documents of nothing": (size) => repeated("---\n", size),
  "documents without an end": (size) => repeated("a\n---\n", size),
  directives: (size) => repeated("%a\n", size),
  tags: (size) => `[${series(size, (i) => `!t${i} a, `)}]`,
  "questions without answers": (size) => repeated("?\n", size),
  "keys over lines": (size) => repeated("a\nb: c\n", size),
  "a number of many digits": (size) => `a: ${repeated("1", size)}`,
  ...Object.fromEntries(
    ["options", "kprobes", "podSelector: {matchExpressions"].map((list) => [
      `wrong entries of ${list}`,
      (size: number) =>
        `apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: a}\nspec:\n  ${list}: [${repeated("1,", size)}]${list.includes("{") ? "}" : ""}\n`,
    ]),
  ),
  "lines out of line": (size) => repeated("  a: 1\n b: 2\n", size),
};

const policies = new URL("../../packages/policy/test/fixtures/", import.meta.url);

function textsIn(folder: string): readonly Buffer[] {
  const directory = new URL(folder, policies);
  return readdirSync(directory).map((name) => readFileSync(new URL(name, directory)));
}

/** `gander policy check`, policy directories, AddTracingPolicy. */
export const yaml: Target = {
  name: "yaml",
  run(bytes) {
    const text = bytes.toString();
    const { value, problems } = checkPolicy(text, { file: "fuzz.yaml" });
    const found = problems ?? value?.flatMap(({ warnings }) => warnings) ?? [];
    if (problems?.every(({ severity }) => severity !== "error")) throw new Error("no error told");
    const lines = text.split(/\r?\n/).length;
    for (const { line, column } of found)
      if (line < 1 || line > lines || column < 1) throw new Error(`at ${line}:${column}`);
    const shown = formatProblems(found, { color: false, sources: new Map([["fuzz.yaml", text]]) });
    if (/[\p{Cf}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u.test(shown))
      throw new Error("shows a control character");
    return [...new Set(found.map(({ code }) => code))].sort().join();
  },
  seeds: () => [...textsIn("broken/"), ...textsIn("valid/"), ...textsIn("warned/")],
  words: [
    "- ",
    "  ",
    "\n",
    ": ",
    "&a ",
    "*a",
    "<<: ",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "|\n",
    ">\n",
    "? ",
    "---\n",
    "...\n",
    "#",
    "%YAML 1.1\n",
    "!!int ",
    "\t",
    "0x",
    "null",
    "~",
    "\r\n",
    "\ufeff",
  ],
  bombs,
  innocent: (size) => series(size, (i) => `k${i}: 1\n`),
};
