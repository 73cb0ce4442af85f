// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import * as library from "protobufjs/ext/protojson.js";
import { describe, expect, it } from "vitest";
import { codec, reflection } from "./codec.ts";
import { arbitraryEvent } from "./event/arbitrary-event.ts";
import { plainEvent } from "./event/plain-event.ts";
import { fromProtoJson, toProtoJson } from "./proto-json.ts";

const type = reflection().lookupType("tetragon.GetEventsResponse");

/** The library names fields in lowerCamelCase, but for those that begin with a capital letter. */
function snakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCase);
  if (typeof value !== "object" || value === null) return value;
  const rename = (key: string) =>
    /^[A-Z]/.test(key) ? key : key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [rename(key), snakeCase(item)]),
  );
}

describe("JSON of messages", () => {
  it("is that of the library, but for the names", () => {
    fc.assert(
      fc.property(arbitraryEvent, (event) => {
        const plain = plainEvent(
          event,
          { nodeName: "n", clusterName: "", nodeLabels: { a: "b" } },
          () => ({}),
        );
        const expected = snakeCase(library.toJson(type, type.fromObject(plain)));
        expect(toProtoJson("tetragon.GetEventsResponse", plain)).toEqual(expected);
      }),
    );
  });

  it("is read back to the same message", () => {
    fc.assert(
      fc.property(arbitraryEvent, (event) => {
        const { encode } = codec("tetragon.GetEventsResponse");
        const plain = plainEvent(
          event,
          { nodeName: "n", clusterName: "c", nodeLabels: {} },
          () => ({}),
        );
        const json = JSON.parse(JSON.stringify(toProtoJson("tetragon.GetEventsResponse", plain)));
        expect(encode(fromProtoJson("tetragon.GetEventsResponse", json))).toEqual(encode(plain));
      }),
    );
  });

  it("keeps the order of declaration, wrappers as values, and defaults of a oneof", () => {
    const json = toProtoJson("tetragon.GetEventsResponse", {
      time: { seconds: "1763620558", nanos: 446086615 },
      process_kprobe: {
        action: "KPROBE_ACTION_POST",
        args: [
          { label: "l", int_arg: 0 },
          { size_arg: "18446744073709551615" },
          { bytes_arg: Buffer.from("a") },
        ],
        process: { tid: { value: 7 }, pid: {}, uid: { value: 0 }, in_init_tree: {} },
      },
    });
    expect(JSON.stringify(json)).toBe(
      '{"process_kprobe":{"process":{"pid":0,"uid":0,"tid":7,"in_init_tree":false},' +
        '"args":[{"int_arg":0,"label":"l"},{"size_arg":"18446744073709551615"},{"bytes_arg":"YQ=="}],' +
        '"action":"KPROBE_ACTION_POST"},"time":"2025-11-20T06:35:58.446086615Z"}',
    );
  });

  it("accepts field masks with the names of the .proto files", () => {
    expect(
      fromProtoJson("tetragon.FieldFilter", { fields: "process.exec_id, parent.execId" }),
    ).toEqual({
      fields: { paths: ["process.exec_id", "parent.exec_id"] },
    });
  });

  it.each([
    [{ binary: ["x"] }, /^binary: Filter has no such field; it has binary_regex/],
    [{ binary_regex: "x" }, /^binary_regex: must be a list/],
    [{ binary_regex: ["x", 3] }, /^binary_regex\[1\]: must be a text/],
    [
      { event_set: ["PROCESS_EXEC", "EXEC"] },
      /^event_set\[1\]: "EXEC" is none of UNDEF, PROCESS_EXEC/,
    ],
    [{ pid: [-1] }, /^pid\[0\]: must be in 0/],
    [{ pid: [1.5] }, /^pid\[0\]: must be a whole number/],
    [{ in_init_tree: "yes" }, /^in_init_tree: must be true or false/],
    [{ capabilities: { permitted: { any: ["CAP_X"] } } }, /^capabilities\.permitted\.any\[0\]/],
    [[], /^a Filter must be an object/],
  ])("says what is wrong with %j", (value, message) => {
    expect(() => fromProtoJson("tetragon.Filter", value)).toThrow(message);
  });
});
