// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { codec } from "./codec.ts";
import { unknownFields } from "./unknown-fields.ts";

const request = "tetragon.GetEventsRequest";

/** One filter of an allow list with these bytes behind what it holds. */
function allowing(filter: object, more: readonly number[]): Uint8Array {
  const bytes = [...codec("tetragon.Filter").encode(filter), ...more];
  return Uint8Array.from([0x0a, bytes.length, ...bytes]);
}

describe("unknownFields", () => {
  it("finds none in what is known, whatever its kind", () => {
    const bytes = codec(request).encode({
      allow_list: [
        { binary_regex: ["x"], pid: [1, 2], event_set: ["PROCESS_EXEC"], health_check: {} },
        { capabilities: { effective: { any: ["CAP_BPF"] } }, in_init_tree: { value: true } },
      ],
      field_filters: [{ fields: { paths: ["process"] }, action: "EXCLUDE" }],
      aggregation_options: { window_size: { seconds: "3" } },
    });
    expect(unknownFields(request, bytes)).toEqual([]);
    expect(unknownFields(request, new Uint8Array())).toEqual([]);
  });

  it.each([
    ["a text", [0xa2, 0x06, 1, 65], "allow_list.100"],
    ["a number", [0xa0, 0x06, 7], "allow_list.100"],
    ["64 bits", [0xa1, 0x06, 0, 0, 0, 0, 0, 0, 0, 0], "allow_list.100"],
    ["deeper", [0x5a, 2, 0x48, 1], "allow_list.capabilities.9"],
  ])("finds %s", (_, more, path) => {
    expect(unknownFields(request, allowing({ pod_regex: ["y"] }, more))).toEqual([path]);
  });

  it("throws for what is no message", () => {
    expect(() => unknownFields(request, Uint8Array.from([0x0a, 50, 1]))).toThrow();
  });
});
