// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonText } from "./json-text.ts";

describe("JSON text", () => {
  it("reads back as it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(JSON.parse(jsonText(text))).toBe(text);
      }),
    );
  });

  it("is one printable line", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(jsonText(text)).not.toMatch(/[\p{Cc}\u2028-\u202e]/u);
      }),
    );
  });

  it.each([
    ["plain /tmp/a <b> & c", '"plain /tmp/a <b> & c"'],
    ['say "x"\\', '"say \\"x\\"\\\\"'],
    ["a\nb\tc\r", '"a\\nb\\tc\\r"'],
    ["\u001b[31m\u0007\u009b", '"\\u001b[31m\\u0007\\u009b"'],
    ["é 日本 🚀", '"é 日本 🚀"'],
    ["gpj.\u202eexe", '"gpj.\\u202eexe"'],
    ["lone \ud800", '"lone \\ud800"'],
  ])("%j", (text, expected) => {
    expect(jsonText(text)).toBe(expected);
  });
});
