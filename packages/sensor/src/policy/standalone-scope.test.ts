// SPDX-License-Identifier: Apache-2.0
import { checkPolicy } from "@gander/policy";
import { expect, it } from "vitest";
import { checkStandaloneScope } from "./standalone-scope.ts";

const refused = (spec: string, selector: string) => {
  const text = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: p }
spec:
  ${spec}
  selectorsMacros: { of-web: { matchWorkloads: { podSelector: { matchLabels: { app: web } } } } }
  kprobes:
  - call: tcp_connect
    syscall: false
    selectors: [{ matchPIDs: [{ operator: In, values: [1] }] }, ${selector}]
`;
  const [checked] = checkPolicy(text, { file: "p.yaml" }).value ?? [];
  if (checked === undefined) throw new Error("the policy is wrong");
  return checkStandaloneScope(checked).map(({ path }) => path);
};
const plain = "{ matchPIDs: [{ operator: In, values: [2] }] }";

it.each([
  ["hostSelector: {}", plain, []],
  ["podSelector: {}", plain, ["spec.podSelector"]],
  ["", "{ matchWorkloads: {} }", []],
  ["", "{ macros: [of-web] }", ["spec.kprobes[0].selectors[1].matchWorkloads"]],
  // It would be for pods as well, and spare them if it is an exception.
  ["", "{ matchWorkloads: { hostSelector: {} } }", ["spec.kprobes[0].selectors[1].matchWorkloads"]],
])("%s with %s is refused for %j", (spec, selector, paths) => {
  expect(refused(spec, selector)).toEqual(paths);
});
