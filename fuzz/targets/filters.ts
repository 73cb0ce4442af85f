// SPDX-License-Identifier: Apache-2.0

import { linearRegex } from "../../packages/base/src/linear-regex.ts";
import { compileCel } from "../../packages/sensor/src/cel/cel-expression.ts";
import { labelSelector } from "../../packages/sensor/src/filters/label-selector.ts";
import { repeated, series } from "../src/generators.ts";
import { outcomeOf } from "../src/outcome.ts";
import type { Target } from "../src/target.ts";

const event = {
  process_exec: {
    process: { pid: 7, binary: "/usr/bin/curl", arguments: "a ".repeat(2000), flags: "execve" },
    parent: { binary: "/bin/sh" },
    ancestors: Array.from({ length: 20 }, (_, i) => ({ binary: `/bin/${i}` })),
  },
  node_name: "n",
};

const texts = (...list: readonly string[]) => list.map((text) => Buffer.from(text));

/** A list of lists of lists, each of the same list: its content grows by a factor of 30 with each level. */
const nest = (levels: number) => {
  const list = `[${"1, ".repeat(29)}1]`;
  let text = `[${list}]`;
  for (let i = 0; i < levels; i++) text = `${text}.map(v${i}, ${list}.map(w, v${i}))`;
  return text;
};

/** Expressions in filters, compiled and evaluated on an event. */
export const cel: Target = {
  name: "cel",
  run(bytes) {
    const { value, problem } = compileCel(bytes.toString());
    return value === undefined ? outcomeOf(problem) : String(value(event));
  },
  seeds: () =>
    texts(
      'process_exec.process.binary == "/usr/bin/curl"',
      'process_exec.process.binary.matches("^/usr/(s?)bin/") && size(process_exec.ancestors) > 3',
      'process_exec.ancestors.exists(p, p.binary.endsWith("7"))',
      'process_exec.ancestors.map(p, p.binary + "x").filter(b, b in ["/bin/1x"]).size() == 1',
      'has(process_exec.process.pod) ? duration("1h") > duration("5m") : int("7") == 7',
      '[[1, 2], [3]].map(x, x + x) == [[1, 2, 1, 2], [3, 3]] && {"a": 1}["a"] == 1',
      "process_exec.nothing == 1 || unknown(7)",
      'timestamp("2026-01-31T12:00:00Z") < timestamp("2027-01-31T12:00:00Z")',
    ),
  words: [
    ...["(", ")", "[", "]", "{", "}", '"', "'", "+", "==", "&&", "||", "!", "?", ":", ".", ","],
    ...[
      "x",
      "1",
      "1u",
      "1.5",
      "null",
      "true",
      "in ",
      "size(",
      ".map(x, ",
      ".all(x, ",
      ".exists(x, ",
    ],
    ...[
      ".filter(x, ",
      ".matches(",
      "has(",
      "process_exec",
      ".process",
      ".binary",
      "string(",
      "\\x41",
    ],
  ],
  bombs: {
    "lists that hold one list many times, compared": () => `${nest(6)}.all(x, x == x)`,
    "and looked for": () => `${nest(6)}.all(x, x in [x, x])`,
    "lists that grow": () =>
      `[[1]]${".map(x, x + x)".repeat(20)}.map(x, [${"1, ".repeat(200)}1].map(y, x + [1])).size() == 1`,
    "texts that grow": () =>
      `["aaaaaaaa"]${".map(x, x + x)".repeat(24)}.all(x, x.size() == 1 || x.contains("b"))`,
    "loops in loops": () => {
      const list = `[${"1, ".repeat(200)}1]`;
      return `${list}.all(a, ${list}.all(b, ${list}.all(c, a + b + c > 0)))`;
    },
    "a pattern of many states": () =>
      `process_exec.process.arguments.matches("${"[a ]{500}".repeat(8)}b")`,
    parentheses: (size) => repeated("(", size),
    "negations of negations": (size) => `${repeated("!", size)}true`,
    sums: (size) => `1${repeated(" + 1", size)} == 1`,
    "fields of fields": (size) => `process_exec${repeated(".process", size)}`,
    quotes: (size) => repeated('"', size),
    "a long text": (size) => `"${repeated("a", size)}" == ""`,
    "a comment": (size) => `true //${repeated("/", size)}`,
    conditions: (size) => `${repeated("true ? ", size)}true`,
  },
  innocent: () => `[${"1, ".repeat(200)}1].all(x, [${"1, ".repeat(200)}1].all(y, x == y))`,
};

/** Regular expressions of filters and redaction, and the texts that they are tried on. */
export const regex: Target = {
  name: "regex",
  run(bytes) {
    const [pattern = "", text = ""] = bytes.toString().split("\0");
    let compiled: ReturnType<typeof linearRegex>;
    try {
      compiled = linearRegex(pattern);
    } catch (error) {
      return outcomeOf((error as Error).message);
    }
    const subject = `${text}${"ab ".repeat(1000)}`;
    return `${compiled.test(subject)} ${Math.min(compiled.groupRanges(subject).length, 9)}`;
  },
  seeds: () =>
    texts(
      "^/usr/bin/(curl|wget)$",
      "(?i)--password[= ](\\S+)\0--password=x",
      "\\pL+[[:space:]]*\\z",
      "(a|b)*c{2,5}?(?P<n>.)",
      "[^a-f0-9]{64}",
    ),
  words: [
    ...["(", ")", "[", "]", "{", "}", "*", "+", "?", "|", "^", "$", ".", "\\", "{1000}", "{2,}"],
    ...[
      "(?i)",
      "(?:",
      "(?P<n>",
      "\\pL",
      "\\b",
      "\\z",
      "[^",
      "[[:alpha:]]",
      "\\Q",
      "\\E",
      "a",
      "\0",
    ],
  ],
  bombs: {
    "repeats of groups": () => "^(a+)+$\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
    "repeats that are written out": () => "a{1000}".repeat(500),
    "repeats of repeats": () => "((((a{10}){10}){10}){10}){10}",
    "letters, often": () => "\\pL{500}".repeat(10),
    "any, often": () => ".*".repeat(2000),
    alternatives: () => "(x|".repeat(1000),
    "groups in groups": () => `${"(".repeat(2000)}a${")".repeat(2000)}`,
    "a long text": (size) => `(.*)(.*)(.*)x\0${repeated("a", size)}`,
    "a long text of matches": (size) => `(a)\0${repeated("a", size)}`,
  },
  innocent: (size) => `(a)(b)?\0${repeated("ab", size)}`,
};

/** Label selectors of filters. */
export const labels: Target = {
  name: "labels",
  run(bytes) {
    const selector = labelSelector(bytes.toString());
    if (typeof selector !== "function") return outcomeOf(selector.problem);
    return String(selector({ app: "web", tier: "a" }));
  },
  seeds: () => texts("app=web", "tier in (a,b), !x", "app != web, tier notin (a)", "a.b/c"),
  words: [",", "(", ")", "=", "!=", " in ", " notin ", "!", "a", "/", "."],
  bombs: {
    commas: (size) => repeated(",", size),
    brackets: (size) => repeated("(", size),
    "values without an end": (size) => `a in (${repeated("b,", size)}`,
    "a long key": (size) => `${repeated("a", size)} in`,
    blanks: (size) => `a${repeated(" ", size)}b`,
  },
  innocent: (size) => series(size, (i) => `k${i}=v,`),
};
