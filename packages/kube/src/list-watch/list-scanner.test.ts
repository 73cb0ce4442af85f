// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createListScanner } from "./list-scanner.ts";

function scan(chunks: readonly Uint8Array[], maxItemBytes = 1 << 20) {
  const scanner = createListScanner({ maxItemBytes });
  const items: unknown[] = [];
  for (const chunk of chunks) {
    scanner.push(chunk, (item) => items.push(JSON.parse(item.toString("utf8"))));
  }
  return { items, envelope: scanner.end() };
}

const scanText = (text: string) => scan([Buffer.from(text)]);

function cutAt(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    // Copies: a socket's buffer is not there any more when the next chunk comes.
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}

describe("a list", () => {
  it("gives its items and what surrounds them, however it is cut and spaced", () => {
    const object = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue());
    fc.assert(
      fc.property(
        fc.array(object, { maxLength: 5 }),
        object,
        fc.array(fc.nat(30)),
        fc.constantFrom(undefined, 2),
        (items, metadata, sizes, indent) => {
          const text = JSON.stringify(
            { kind: "PodList", metadata, items, after: [[]] },
            null,
            indent,
          );
          const found = scan(cutAt(Buffer.from(text), sizes));
          expect(found.items).toEqual(JSON.parse(JSON.stringify(items)));
          const expected = { kind: "PodList", metadata, items: [], after: [[]] };
          expect(found.envelope).toEqual(JSON.parse(JSON.stringify(expected)));
        },
      ),
    );
  });

  it("is not deceived by other arrays of that name", () => {
    const list = { metadata: { items: [1, { items: [{}] }] }, items: [{ items: [{ a: 1 }] }] };
    expect(scanText(JSON.stringify(list))).toEqual({
      items: [{ items: [{ a: 1 }] }],
      envelope: { metadata: list.metadata, items: [] },
    });
  });

  it("can be empty or null", () => {
    expect(scanText('{"items":[]}').items).toEqual([]);
    expect(scanText('{"items":null,"metadata":{}}').items).toEqual([]);
  });

  it("can come cut inside an escape", () => {
    const bytes = Buffer.from(JSON.stringify({ items: [{ a: 'x"}]\\' }] }));
    const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    expect(scan(single).items).toEqual([{ a: 'x"}]\\' }]);
  });
});

describe("what is no list", () => {
  it.each([
    ['{"items":[{"a":1}', "ends in the middle"],
    ['{"items":[{"a":1},{"a', "ends in the middle"],
    ["", "ends in the middle"],
    ["<html></html>", "ends in the middle"],
    ['{"items":[1]}', "an item is not an object"],
    ['{"items":[{},"x",{}]}', "an item is not an object"],
    ['{"items":[{} x', "an item is not an object"],
    ["]", "a bracket closes nothing"],
    ['{"items":[],x}', "not JSON"],
  ])("%s", (text, message) => expect(() => scanText(text)).toThrow(message));

  it("is an item beyond the bound", () => {
    const big = Buffer.from(JSON.stringify({ items: [{ a: "x".repeat(1000) }] }));
    expect(() => scan([big], 500)).toThrow("larger than 500 bytes");
    expect(() => scan(cutAt(big, [300, 300]), 500)).toThrow("larger than 500 bytes");
  });
});
