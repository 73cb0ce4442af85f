// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { expect, it } from "vitest";
import { problemPlacer } from "./place-problems.ts";

const text = `kind: ConfigMap
---
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: a}
spec:
  kprobes:
    - call: tcp_connect
      args:
        - index: 0
          type: path
---
kind: TracingPolicyNamespaced
metadata: {name: a, namespace: shop}
spec: {kprobes: [{call: f}]}
`;

const problem = (path: string): Problem => ({
  file: "f",
  path,
  line: 0,
  column: 0,
  code: "kernel-argument",
  message: "m",
  hint: "",
  severity: "error",
});

it.each([
  ["spec.kprobes[0].args[0].type", "", 11, 17],
  ["spec.kprobes[0].args[0].label", "", 10, 11],
  ["spec.kprobes[0]", "", 8, 7],
  ["spec.kprobes[0].call", "shop", 15, 25],
  ["spec.kprobes[0]", "elsewhere", 0, 0],
])("%s of namespace %j is at %i:%i", (path, namespace, line, column) => {
  expect(problemPlacer(text)([problem(path)], { name: "a", namespace })).toEqual([
    { ...problem(path), line, column },
  ]);
});

it("leaves places that are known", () => {
  const known = { ...problem("spec"), line: 3, column: 1 };
  expect(problemPlacer(text)([known], { name: "a", namespace: "" })).toEqual([known]);
});
