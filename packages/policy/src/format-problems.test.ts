// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { describe, expect, it } from "vitest";
import { formatProblems, summary } from "./format-problems.ts";

const problem = (more: Partial<Problem> = {}): Problem => ({
  file: "a.yaml",
  path: "spec.kprobes[0].call",
  line: 2,
  column: 9,
  code: "policy-bad-name",
  message: "That cannot be a name",
  hint: "Write another.",
  severity: "error",
  ...more,
});

const show = (line: string, more: Partial<Problem> = {}) =>
  formatProblems([problem(more)], {
    color: false,
    sources: new Map([["a.yaml", `first\n${line}\n`]]),
  });

describe("formatProblems", () => {
  it("quotes the line and puts a caret below the word", () => {
    expect(show("  call: tcp connect")).toBe(
      [
        "error[policy-bad-name]: That cannot be a name",
        " --> a.yaml:2:9  spec.kprobes[0].call",
        "  |",
        "2 |   call: tcp connect",
        "  |         ^^^",
        "  = help: Write another.",
        "",
        "1 error",
        "",
      ].join("\n"),
    );
  });

  it.each([
    ['  call: "tcp connect" # x', 9, "        ^^^^^^^^^^^^^"],
    ["\tcall:\t\ttcp", 9, "        ^^^"],
    ["call: [a, b]", 8, "       ^"],
    ["call:", 6, "     ^"],
    ["", 1, "^"],
    ["", 99, "^"],
  ])("%j, column %i", (line, column, caret) => {
    expect(show(line, { column }).split("\n")[4]).toBe(`  | ${caret}`);
  });

  it("shows only the part of a long line that matters", () => {
    const lines = show(`${"x".repeat(5000)} here ${"y".repeat(5000)}`, { column: 5002 }).split(
      "\n",
    );
    expect(lines[3]?.length).toBeLessThan(130);
    expect(lines[4]?.indexOf("^")).toBe(lines[3]?.indexOf("here"));
  });

  it("leaves nothing in that a terminal obeys", () => {
    const shown = show("call: \u001b[31m\u202ered\u0007", {
      column: 7,
      message: "bad \u001b]0;x\u0007",
      hint: "\u0000",
      file: "a.yaml",
    });
    expect(shown).toContain("\\u{1b}[31m\\u{202e}red\\u{7}");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is about these
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it("does without the text, a place, a path or a hint", () => {
    expect(formatProblems([problem({ line: 0, path: "", hint: "" })], { color: false })).toBe(
      "error[policy-bad-name]: That cannot be a name\n --> a.yaml\n\n1 error\n",
    );
    expect(formatProblems([], { color: true })).toBe("");
  });

  it("paints if asked to", () => {
    expect(formatProblems([problem()], { color: true })).toContain("\u001b[31m");
  });
});

it("summary", () => {
  const many = [
    problem(),
    problem(),
    problem({ severity: "warning" }),
    problem({ severity: "note" }),
  ];
  expect(summary(many)).toBe("2 errors, 1 warning, 1 note");
  expect(summary([])).toBe("no problems");
});
