// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { customResourceDefinition } from "../src/custom-resource-definition.ts";
import { kinds } from "../src/kinds.ts";
import { isJson, structuralProblems } from "./structural-problems.ts";

/** What lies at a path of keys and positions. */
const at = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((found, key) => (found === undefined ? found : Object(found)[key]), value);

const version = (kind: (typeof kinds)[number]) =>
  at(customResourceDefinition(kind), "spec", "versions", 0);

const schemaOf = (kind: (typeof kinds)[number]) => at(version(kind), "schema", "openAPIV3Schema");

describe.each(kinds.map((kind) => [kind.kind, kind] as const))("%s", (_, kind) => {
  it("has a structural schema", () => {
    expect(structuralProblems(schemaOf(kind))).toEqual([]);
  });

  it("has columns that are in its schema and of the type they say", () => {
    for (const { jsonPath, type } of kind.columns) {
      const path = jsonPath
        .replace(/\[\?.*?\]/, ".items")
        .split(".")
        .slice(1);
      const field = path.reduce<unknown>(
        (schema, name) =>
          at(
            schema,
            name === "items" ? "items" : "properties",
            ...(name === "items" ? [] : [name]),
          ),
        schemaOf(kind),
      );
      if (type === "date") expect(jsonPath).toBe(".metadata.creationTimestamp");
      else expect(at(field, "type"), jsonPath).toBe(type);
    }
  });

  it("writes no defaults into a spec", () => {
    expect(JSON.stringify(at(schemaOf(kind), "properties", "spec") ?? {})).not.toContain(
      '"default"',
    );
  });
});

it("the kinds and their names are those that users of the language know", () => {
  expect(
    kinds.map(({ group, kind, plural, shortName, scope }) =>
      [group, kind, plural, shortName, scope].join(" "),
    ),
  ).toEqual([
    "cilium.io TracingPolicy tracingpolicies tgtp Cluster",
    "cilium.io TracingPolicyNamespaced tracingpoliciesnamespaced tgtpn Namespaced",
    "gander.dev GuardPolicy guardpolicies ggp Cluster",
    "gander.dev GuardPolicyNamespaced guardpoliciesnamespaced ggpn Namespaced",
    "gander.dev PolicyStatus policystatuses gps Cluster",
    "gander.dev PolicyStatusNamespaced policystatusesnamespaced gpsn Namespaced",
    "gander.dev ValueSet valuesets gvs Cluster",
    "gander.dev PolicyException policyexceptions gpx Cluster",
    "gander.dev PolicyExceptionNamespaced policyexceptionsnamespaced gpxn Namespaced",
  ]);
});

it.each([
  [{}, "type undefined"],
  [{ type: "string", oneOf: [] }, "oneOf is not possible"],
  [{ type: "string", $ref: "#/a" }, "$ref is not possible"],
  [{ type: "array" }, "not a schema"],
  [{ type: "object", properties: {}, additionalProperties: false }, "exclude each other"],
  [{ type: "object", required: ["a"], properties: {} }, "a is required, but not described"],
  [{ type: "integer", default: "1" }, "the default is no integer"],
  [{ type: "integer", minimum: 0, default: -1 }, "below the minimum"],
  [{ type: "object", properties: {}, default: { a: 1 } }, "would be pruned"],
  [
    { type: "object", properties: { metadata: { type: "object", default: {} } } },
    "a default in metadata",
  ],
  [
    {
      type: "array",
      items: { type: "object" },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["a"],
    },
    "the key a is not required",
  ],
  [
    { type: "object", "x-kubernetes-validations": [{ rule: "self.return", message: "a" }] },
    "not escaped",
  ],
  [
    {
      type: "object",
      "x-kubernetes-validations": [{ rule: "true", message: "a", fieldPath: ".b" }],
    },
    "there is no field .b",
  ],
])("refuses %j", (schema, problem) => {
  expect(structuralProblems(schema)).toEqual([expect.stringContaining(problem)]);
  expect(isJson(schema)).toBe(true);
});
