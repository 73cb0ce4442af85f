// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkPolicy, limits, problemPlacer } from "../src/index.ts";
import { readExpectations } from "./expectations.ts";

const read = (name: string) =>
  readFileSync(new URL(`./fixtures/kubectl/${name}.yaml`, import.meta.url), "utf8");

describe("what kubectl prints of several policies", () => {
  it.each(["List", "TracingPolicyList"])("of kind %s is read like its items", (kind) => {
    const text = read("valid").replace("kind: List", `kind: ${kind}`);
    const { value, problems } = checkPolicy(text, { file: "" });
    expect(problems).toBeUndefined();
    const found = value?.map(({ compiled, warnings }) => [
      ...[compiled.namespace, compiled.name],
      ...[compiled.hooks.map(({ target }) => target), warnings],
    ]);
    expect(found).toEqual([
      ["", "connections", ["tcp_connect"], []],
      ["shop", "shadow", ["file_open"], []],
    ]);
  });

  it("has its mistakes where they stand", () => {
    const text = read("broken");
    const { value, problems = [] } = checkPolicy(text, { file: "" });
    expect(value).toBeUndefined();
    const expected = readExpectations(text);
    expect(expected.length).toBe(4);
    expect(
      problems.map(({ line, column, severity, code }) => `${line}:${column} ${severity} ${code}`),
    ).toEqual(expected.map(({ place, severity, code }) => `${place} ${severity} ${code}`));
    for (const [i, { hint }] of expected.entries()) expect(problems[i]?.hint).toContain(hint);
  });

  it("has a kernel's problems where they stand", () => {
    const text = read("valid");
    const problem = { file: "", path: "spec.lsmhooks[0].hook", line: 0, column: 0 };
    const said = { code: "policy-rule", message: "", hint: "", severity: "error" } as const;
    const place = problemPlacer(text);
    const [placed] = place([{ ...problem, ...said }], { namespace: "shop", name: "shadow" });
    const line = text.split("\n")[(placed?.line ?? 0) - 1] ?? "";
    expect(line.slice((placed?.column ?? 0) - 1)).toBe("file_open");
  });

  it("may be empty, which is no policy", () => {
    const { problems } = checkPolicy("apiVersion: v1\nitems: []\nkind: List\n", { file: "" });
    expect(problems?.map(({ code }) => code)).toEqual(["policy-missing"]);
  });

  it("has at most as many items as a file has documents", () => {
    const text = (items: number) => `kind: List\nitems: [${"1,".repeat(items)}]\n`;
    const codes = (items: number) => [
      ...new Set(checkPolicy(text(items), { file: "" }).problems?.map(({ code }) => code)),
    ];
    expect(codes(limits.documents + 1)).toEqual(["input-too-large"]);
    expect(codes(1)).toEqual(["policy-wrong-type"]);
  });
});
