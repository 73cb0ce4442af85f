// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { expect, it } from "vitest";
import { withoutManagedFields } from "./managed-fields.ts";

const cut = (value: unknown) =>
  JSON.parse(withoutManagedFields(Buffer.from(JSON.stringify(value))));

it("empties the list, with brackets and quotes in its keys and texts", () => {
  const managedFields = [
    { manager: 'a"]}', fieldsV1: { 'k:{"containerPort":80}': { "v:[\\": [[], ["]"]] } } },
    { manager: "b\\", fieldsV1: {} },
  ];
  expect(cut({ metadata: { name: "x", managedFields }, spec: { a: [1] } })).toEqual({
    metadata: { name: "x", managedFields: [] },
    spec: { a: [1] },
  });
});

it("is not deceived by the words in a text", () => {
  const object = { metadata: { annotations: { a: '"managedFields":[', b: "]" } }, spec: [1] };
  expect(cut(object)).toEqual(object);
});

it("leaves objects without them alone, and text that is no JSON", () => {
  expect(cut({ metadata: { name: "ä€😀" } })).toEqual({ metadata: { name: "ä€😀" } });
  expect(withoutManagedFields(Buffer.from('{"managedFields":["'))).toBe('{"managedFields":["');
});

it("changes nothing else, whatever the object holds", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.array(fc.jsonValue()), fc.jsonValue(), (a, managedFields, b) => {
      const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
      expect(cut({ a, metadata: { managedFields }, b })).toEqual(
        plain({ a, metadata: { managedFields: [] }, b }),
      );
    }),
  );
});
