// SPDX-License-Identifier: Apache-2.0
// `gander policy check` as people use it: every mistake is answered with its place, what is wrong
// and what to write instead.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brokenPolicies, placeOfMistake } from "./lib/broken-policies.ts";

const repository = resolve(import.meta.dirname, "../..");
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "gander-policies-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function check(...files: readonly string[]) {
  const result = spawnSync(
    process.execPath,
    [join(repository, "packages/cli/src/main.ts"), "policy", "check", ...files],
    { encoding: "utf8", cwd: directory },
  );
  return { status: result.status, text: result.stdout + result.stderr };
}

/** FILE:LINE:COLUMN, as compilers write it. */
function places(text: string, file: string) {
  return [...text.matchAll(new RegExp(`${file}:(\\d+):(\\d+)`, "g"))].map((match) => ({
    line: Number(match[1]),
    column: Number(match[2]),
  }));
}

/** The findings of an answer, parted by empty lines, that name a place in this file. */
function partAbout(text: string, file: string): string {
  return text
    .split("\n\n")
    .filter((finding) => places(finding, file).length > 0)
    .join("\n\n");
}

describe("policies with a mistake", () => {
  const files = brokenPolicies.map((_, i) => `broken-${i}.yaml`);
  let answer: ReturnType<typeof check>;
  beforeAll(() => {
    for (const [i, { text }] of brokenPolicies.entries())
      writeFileSync(join(directory, `broken-${i}.yaml`), placeOfMistake(text).text);
    // All in one go: it is the same, only faster.
    answer = check(...files);
  });

  it("are more than thirty", () => expect(brokenPolicies.length).toBeGreaterThan(30));
  it("are refused", () => expect(answer.status).toBe(1));
  it("are not answered by a stack trace", () => expect(answer.text).not.toMatch(/at .*\.ts:\d+/));

  it.each(brokenPolicies.map((policy, i) => ({ ...policy, i })))("$name", ({ text, says, i }) => {
    const { line, column } = placeOfMistake(text);
    const about = partAbout(answer.text, `broken-${i}.yaml`);
    expect(places(about, `broken-${i}.yaml`), about).toContainEqual({ line, column });
    for (const pattern of says) expect(about).toMatch(pattern);
  });
});

describe("several files and mistakes", () => {
  it("names both mistakes of one file", () => {
    const text = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: two
spec:
  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: DAdr
        values: ["10.0.0.1"]
      matchActions:
      - action: Sigkil
`;
    writeFileSync(join(directory, "two.yaml"), text);
    const answer = check("two.yaml");
    expect(answer.status).toBe(1);
    expect(places(answer.text, "two.yaml")).toEqual(
      expect.arrayContaining([
        { line: 15, column: 19 },
        { line: 18, column: 17 },
      ]),
    );
    expect(answer.text).toMatch(/DAddr/);
    expect(answer.text).toMatch(/Sigkill/);
  });

  it("names a mistake of the schema and one of meaning together", () => {
    const text = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: two
spec:
  kprobes:
  - call: security_file_permission
    syscall: false
    unknown: 1
    args:
    - index: 1
      type: int
    selectors:
    - matchArgs:
      - index: 1
        operator: Equal
        values: ["two"]
`;
    writeFileSync(join(directory, "both.yaml"), text);
    const answer = check("both.yaml");
    expect(places(answer.text, "both.yaml").map((place) => place.line)).toEqual(
      expect.arrayContaining([9, 17]),
    );
  });

  it("checks every document of a file and every file", () => {
    const good =
      "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata:\n  name: good\nspec:\n  kprobes:\n  - call: security_file_open\n    syscall: false\n";
    writeFileSync(join(directory, "good.yaml"), good);
    writeFileSync(
      join(directory, "second.yaml"),
      `${good}---\n${good.replace("kprobes", "kprobs")}`,
    );
    const answer = check("good.yaml", "second.yaml", "missing.yaml");
    // What could not be read weighs more than what is wrong: nothing is proven of it.
    expect(answer.status).toBe(2);
    expect(places(answer.text, "second.yaml").map((place) => place.line)).toContain(15);
    expect(answer.text).toMatch(/missing\.yaml/);
    expect(places(answer.text, "good.yaml")).toEqual([]);
  });

  it("accepts the seed policies", () => {
    const examples = join(repository, "policies/examples");
    const files = readdirSync(examples)
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => join(examples, name));
    expect(files.length).toBeGreaterThanOrEqual(3);
    const answer = check(...files);
    expect(answer.status, answer.text).toBe(0);
  });

  it.each([
    ["binary rubbish", Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256))],
    ["a NUL byte", Buffer.from("apiVersion: \0\n")],
    ["deep nesting", Buffer.from(`a: ${"[".repeat(20_000)}`)],
    ["a very long line", Buffer.from(`kind: ${"x".repeat(2_000_000)}\n`)],
    ["escape sequences", Buffer.from('apiVersion: "\\e[31m\\e]0;x\\a"\nkind: "\\e[2J"\n')],
    [
      "__proto__",
      Buffer.from(
        "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\n__proto__: {a: 1}\nmetadata: {name: x}\nspec: {}\n",
      ),
    ],
  ])("answers %s in its own words", (_, bytes) => {
    writeFileSync(join(directory, "strange.yaml"), bytes);
    const answer = check("strange.yaml");
    expect(answer.status, answer.text.slice(0, 2000)).toBe(1);
    expect(places(answer.text, "strange.yaml").length, answer.text.slice(0, 2000)).toBeGreaterThan(
      0,
    );
    expect(answer.text).not.toMatch(/RangeError|TypeError|at .*\.ts:\d+/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not reach a terminal
    expect(answer.text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f]/);
    expect(answer.text.length).toBeLessThan(20_000);
  });
});
