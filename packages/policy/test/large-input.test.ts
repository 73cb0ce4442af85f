// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from "vitest";
import { checkPolicy, checkPolicyObject, limits } from "../src/index.ts";

vi.setConfig({ testTimeout: 60_000 });

describe("ordinary files, though they are large", () => {
  const policy = (name: string, values: readonly string[]) => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: ${name}}
spec:
  lsmhooks:
  - hook: file_open
    args: [{index: 0, type: file}]
    selectors:
    - matchArgs:
      - index: 0
        operator: Equal
        values:
${values.map((value) => `        - ${value}\n`).join("")}`;

  it("500 policies", () => {
    const text = Array.from({ length: 500 }, (_, i) => policy(`p${i}`, ["/etc/shadow"])).join(
      "---\n",
    );
    expect(checkPolicy(text, { file: "a" }).value).toHaveLength(500);
  });

  it("a megabyte, with 8,192 values of one filter", () => {
    const values = Array.from({ length: limits.values }, (_, i) => `/etc/${"x".repeat(100)}/${i}`);
    const text = policy("large", values);
    expect(text.length).toBeGreaterThan(900_000);
    expect(text.length).toBeLessThan(limits.fileBytes);
    expect(checkPolicy(text, { file: "a" }).value).toHaveLength(1);
  });

  it("a list of values that several filters share", () => {
    const shared = `${policy("shared", ["/a"]).replace("values:\n", "values: &v\n")}      - index: 0
        operator: NotEqual
        values: *v
    - <<: &m {matchArgs: [{index: 0, operator: Prefix, values: [/b]}]}
    - *m
`;
    const { value, problems } = checkPolicy(shared, { file: "a" });
    expect(problems).toBeUndefined();
    const [hook] = value?.[0]?.compiled.hooks ?? [];
    expect(hook?.selectors.map(({ filters }) => filters.length)).toEqual([2, 1, 1]);
  });
});

describe("objects of the API", () => {
  const wrap = (spec: unknown) => ({
    apiVersion: "cilium.io/v1alpha1",
    kind: "TracingPolicy",
    metadata: { name: "a" },
    spec,
  });

  it.each([1_000, 20_000, 1_000_000])("lists in lists, %d deep", (depth) => {
    let spec: unknown = "x";
    for (let i = 0; i < depth; i++) spec = [spec];
    expect(checkPolicyObject(wrap(spec)).problems).toMatchObject([
      { code: "input-too-large", path: "spec", line: 0 },
    ]);
  });

  it.each<[string, unknown]>([
    ["keys", Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`key${i}`, 1]))],
    ["entries", { kprobes: new Array(600_000).fill(1) }],
    ["a text", { kprobes: [{ call: "a".repeat(2_000_000) }] }],
  ])("too many %s", (_, spec) => {
    expect(checkPolicyObject(wrap(spec)).problems).toMatchObject([{ code: "input-too-large" }]);
  });

  it("stay as they were given", () => {
    const object = wrap({ kprobes: [{ call: "tcp_connect", syscall: false }] });
    const before = structuredClone(object);
    expect(checkPolicyObject(object).value?.compiled.name).toBe("a");
    expect(object).toEqual(before);
  });
});
