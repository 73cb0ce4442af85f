// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TextCache } from "./text-cache.ts";
import { validText } from "./text-view.ts";

describe("text cache", () => {
  it("gives what reading gives, the first time and the second", () => {
    const cache = new TextCache();
    const texts = fc.oneof(
      fc.string({ maxLength: 140 }).map((text) => Buffer.from(text)),
      fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(texts), (list) => {
        for (const bytes of [...list, ...list]) {
          const expected = validText(bytes, 0, bytes.length);
          const inside = Buffer.concat([Buffer.from("x"), bytes, Buffer.from("y")]);
          expect(cache.read(inside, 1, 1 + bytes.length)).toBe(expected);
        }
      }),
    );
  });
});
