// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { errorCodes } from "@gander/base";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { checkPolicy, formatProblems, limits } from "../src/index.ts";

/** Whatever the text: an answer, every problem with a place in it, and nothing that a terminal obeys. */
function check(text: string): void {
  const { value, problems } = checkPolicy(text, { file: "hostile.yaml" });
  const found = problems ?? value?.flatMap(({ warnings }) => warnings) ?? [];
  if (problems) expect(problems.some(({ severity }) => severity === "error")).toBe(true);
  expect(found.length).toBeLessThanOrEqual(limits.problems + 1);
  const lines = text.split(/\r?\n/).length;
  for (const { line, column, code } of found) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(code in errorCodes).toBe(true);
  }
  const shown = formatProblems(found, { color: false, sources: new Map([["hostile.yaml", text]]) });
  expect(/[\p{Cf}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u.test(shown)).toBe(false);
  for (const shownLine of shown.split("\n")) expect(shownLine.length).toBeLessThan(20_000);
}

const texts = ["./fixtures/valid/", "./fixtures/broken/"].flatMap((path) => {
  const directory = new URL(path, import.meta.url);
  return readdirSync(directory).map((name) => readFileSync(new URL(name, directory), "utf8"));
});

// Time is that of the CPU: the machine may have other things to do.
vi.setConfig({ testTimeout: 180_000 });

describe("any input gets an answer", () => {
  it.each([
    'matchBinaries: [{operator: In, values: ["/opt/\\uD83D"]}]',
    'matchArgs: [{index: 0, operator: Prefix, values: ["/opt/\\uD83D"]}]',
  ])("half a character is refused, as the kernel has no such text: %s", (filter) => {
    const text = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: half}
spec:
  kprobes:
  - call: security_file_open
    syscall: false
    args: [{index: 0, type: file}]
    selectors:
    - ${filter}
`;
    const { problems = [] } = checkPolicy(text, { file: "half.yaml" });
    expect(problems).toMatchObject([{ severity: "error", line: 10 }]);
    check(text);
  });

  it("random text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 300 }), check), { numRuns: 300 });
  });

  it("random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) =>
        check(Buffer.from(bytes).toString("latin1")),
      ),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) =>
        check(Buffer.from(bytes).toString()),
      ),
      { numRuns: 200 },
    );
  });

  it("policies with pieces cut out, doubled and replaced", () => {
    const edit = fc.tuple(
      fc.nat(),
      fc.nat(80),
      fc.oneof(
        fc.constantFrom(
          "",
          "- ",
          "  ",
          "\n",
          ": ",
          "&a ",
          "*a",
          "<<: ",
          "{",
          "]",
          '"',
          "null",
          "\t",
          "0x",
          "!!int ",
        ),
        fc.string({ maxLength: 8 }),
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        (text, edits) => {
          let changed = text;
          for (const [at, length, replacement] of edits) {
            const start = at % (changed.length + 1);
            changed = changed.slice(0, start) + replacement + changed.slice(start + length);
          }
          check(changed);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("any value in any field", () => {
    const policy = {
      apiVersion: "cilium.io/v1alpha1",
      kind: "TracingPolicy",
      metadata: { name: "a" },
    };
    const names = [
      "kprobes",
      "selectors",
      "matchArgs",
      "values",
      "args",
      "index",
      "operator",
      "matchActions",
      "macros",
      "selectorsMacros",
      "options",
      "podSelector",
      "matchLabels",
      "__proto__",
      "constructor",
      "toString",
      "hostSelector",
      "call",
      "tags",
    ];
    const { node } = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.oneof(
          fc.string({ maxLength: 10 }),
          fc.integer(),
          fc.double(),
          fc.boolean(),
          fc.constant(null),
          fc.constantFrom("list:x", "Prefix", "Sigkill", "file", "10.0.0.0/8"),
        ),
        fc.array(tie("node"), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom(...names), tie("node"), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(node, (spec) => check(JSON.stringify({ ...policy, spec }))),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), node, { maxKeys: 6 }), (hook) =>
        check(JSON.stringify({ ...policy, spec: { kprobes: [{ call: "f", ...hook }] } })),
      ),
      { numRuns: 1000 },
    );
  });
});

describe("large input ends soon", () => {
  const head = "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: a}\nspec:\n";
  const room = limits.fileBytes - head.length;
  const fill = (piece: string) => head + piece.repeat(Math.floor(room / Buffer.byteLength(piece)));
  it.each([
    ["brackets", fill("[")],
    ["dashes", fill("- ")],
    ["keys", head + Array.from({ length: 20_000 }, (_, i) => `  k${i}: 1\n`).join("")],
    ["documents", fill("---\n")],
    ["quotes", fill('"')],
    ["anchors", fill("&a ")],
    ["colons", fill("a: ")],
    ["directives", fill("%a\n")],
    ["kprobes", `${head}  kprobes:\n${"    - {call: f, syscall: false}\n".repeat(7500)}`],
    [
      "values",
      `${head}  lsmhooks: [{hook: file_open, args: [{index: 0, type: int}], selectors: [{matchArgs: [{index: 0, operator: InMap, values: [${'"1", '.repeat(45_000)}]}]}]}]\n`,
    ],
    [
      "ranges",
      `${head}  lsmhooks: [{hook: file_open, args: [{index: 0, type: uint64}], selectors: [{matchArgs: [{index: 0, operator: InMap, values: [${'"0:18446744073709551615", '.repeat(8000)}]}]}]}]\n`,
    ],
    [
      "unknown fields",
      head + Array.from({ length: 12_000 }, (_, i) => `  matchArg${i}: 1\n`).join(""),
    ],
    [
      "misspelt words",
      `${head}  kprobes:\n${"    - {call: f, args: [{index: 0, type: linux_binpr}]}\n".repeat(8000)}`,
    ],
  ])("%s", (_, text) => {
    const before = process.cpuUsage();
    check(text.slice(0, limits.fileBytes));
    const { user, system } = process.cpuUsage(before);
    expect(user + system, "µs of CPU").toBeLessThan(10_000_000);
  });

  it("says how large a file may be", () => {
    const { problems } = checkPolicy(" ".repeat(limits.fileBytes + 1), { file: "a" });
    expect(problems).toMatchObject([{ code: "input-too-large", line: 1, column: 1 }]);
  });
});
