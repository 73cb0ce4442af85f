// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { expect, it } from "vitest";
import { createLineSplitter } from "./line-splitter.ts";

function split(chunks: readonly Uint8Array[], maxLineBytes = 1 << 20): string[] {
  const splitter = createLineSplitter({ maxLineBytes });
  const lines: string[] = [];
  for (const chunk of chunks) splitter.push(chunk, (line) => lines.push(line.toString("utf8")));
  return lines;
}

it("gives the same lines however the bytes are cut", () => {
  const line = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("\n"));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(40)), (lines, sizes) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const size of [...sizes, bytes.length]) {
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      expect(split(chunks)).toEqual(lines);
    }),
  );
});

it("keeps back a line without its end", () => {
  const splitter = createLineSplitter({ maxLineBytes: 100 });
  const lines: string[] = [];
  splitter.push(Buffer.from("a\nbc"), (line) => lines.push(String(line)));
  expect(lines).toEqual(["a"]);
  expect(splitter.pendingBytes()).toBe(2);
});

it("refuses a line beyond the bound, whole or in parts", () => {
  expect(split([Buffer.from("12345\n")], 5)).toEqual(["12345"]);
  expect(() => split([Buffer.from("123456\n")], 5)).toThrow("longer than 5 bytes");
  expect(() => split([Buffer.from("123"), Buffer.from("456")], 5)).toThrow("longer than 5 bytes");
});

it("passes empty lines over", () => {
  expect(split([Buffer.from("\n\na\n\n")])).toEqual(["a"]);
});
