// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { validText } from "../text/text-view.ts";
import { joinArguments, readArguments } from "./command-line.ts";

describe("arguments", () => {
  it.each([
    ["", ""],
    ["ls\0", ""],
    ["ls", ""],
    ["ls\0-l\0", "-l"],
    ["wl\0exec\x000\x0050\0/tmp/wtrue\0SZ\0", "exec 0 50 /tmp/wtrue SZ"],
    ["sh\0-c\0echo foo >> /etc/bar\0", '-c "echo foo >> /etc/bar"'],
    ["a\0\0", '""'],
    ["a\0b\0\0", 'b ""'],
    ["a\0\0b\0", '"" b'],
    ['a\0say "x"\0', '"say "x""'],
    // Cut: the last one has no NUL.
    ["a\0b\0cd", "b cd"],
  ])("%j is %j", (bytes, expected) => {
    expect(joinArguments(bytes)).toBe(expected);
  });

  it("are the same when they are read from bytes", () => {
    const words = fc.array(fc.oneof(fc.string({ unit: "binary", maxLength: 4 }), fc.string()));
    fc.assert(
      fc.property(words, fc.boolean(), (list, isCut) => {
        const text = `x${list.join("\0")}${isCut ? "" : "\0"}`;
        const bytes = Buffer.from(text);
        const inside = Buffer.concat([Buffer.from("\0"), bytes, Buffer.from("y")]);
        expect(readArguments(inside, 1, 1 + bytes.length)).toBe(
          joinArguments(validText(bytes, 0, bytes.length)),
        );
      }),
    );
  });
});
