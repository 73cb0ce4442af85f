// SPDX-License-Identifier: Apache-2.0
import { type Schema, tracingPolicySchema } from "@gander/crd-schemas";
import { expect, it } from "vitest";
import { checkPolicy } from "../src/index.ts";

/** Names of fields and values that the reference calls "not supported yet". */
function marked(schema: Schema, names = new Set<string>(), seen = new Set<string>()) {
  if (schema.kind === "list") marked(schema.items, names, seen);
  if (schema.kind === "map") marked(schema.values, names, seen);
  if (schema.kind === "text") for (const value of schema.refusedValues ?? []) names.add(value);
  if (schema.kind !== "object" || seen.has(schema.name)) return names;
  seen.add(schema.name);
  for (const [name, { refused, schema: inner }] of Object.entries(schema.fields)) {
    if (refused) names.add(name);
    marked(inner, names, seen);
  }
  return names;
}

const hook = (actions: string, more = "") =>
  `{path: /bin/x, symbols: [f], selectors: [{matchActions: [${actions}]}]${more}}`;

it("what the reference calls not supported yet is what the check refuses", () => {
  const types = [...marked(tracingPolicySchema)].filter((name) => /^[a-z_0-9]+$/.test(name));
  const args = types.map((type) => `{call: f, syscall: false, args: [{index: 0, type: ${type}}]}`);
  const text = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: tried}
spec:
  kprobes: [{call: f, syscall: false}, ${args.join(", ")}]
  usdts: [{path: /bin/x, provider: p, name: n, selectors: [{matchActions: [{action: Set, argIndex: 0, argValue: 1}]}]}]
  uprobes:
    - ${hook("{action: Post}", ", btfPath: /x")}
`;
  const { problems = [] } = checkPolicy(text, { file: "" });
  const refused = problems
    .filter(({ code }) => code === "policy-not-supported")
    .map(({ message }) =>
      message.replace(/^The action |^Arguments of type | (is|are) not supported yet$/g, ""),
    );
  expect([...new Set(refused)].toSorted()).toEqual([...marked(tracingPolicySchema)].toSorted());
});
