// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { MAX_SHOWN, quote, terminalSafeJson } from "./quote.ts";

describe("quote", () => {
  it.each([
    ["plain text stays", "/usr/bin/ls", "/usr/bin/ls"],
    ["other scripts stay", "/tmp/übung-日本語", "/tmp/übung-日本語"],
    ["emoji stay", "/tmp/🚀", "/tmp/🚀"],
    ["a space asks for quotes", "-c ls", '"-c ls"'],
    ["quotes inside", '-c "echo foo"', '"-c \\"echo foo\\""'],
    ["a quote alone keeps Tetragon's form", 'a"b', 'a"b'],
    ["a leading quote could pass for ours", '"forged"', '"\\"forged\\""'],
    ["an escape sequence", "a\u001b[31mred", '"a\\x1b[31mred"'],
    ["C1 control sequence introducer", "a\u009b31m", '"a\\u009b31m"'],
    ["newline, tab, bell", "a\n\t\u0007", '"a\\n\\t\\a"'],
    ["delete", "a\u007f", '"a\\x7f"'],
    ["direction override", "a\u202etxt.exe", '"a\\u202etxt.exe"'],
    ["zero width space", "a\u200bb", '"a\\u200bb"'],
    ["no-break space", "a\u00a0b", '"a\\u00a0b"'],
    ["line separator", "a\u2028b", '"a\\u2028b"'],
    ["half a surrogate pair", "a\ud800b", '"a\\ud800b"'],
    ["a tag character beyond the basic plane", "a\u{e0041}", '"a\\U000e0041"'],
    ["a backslash alone needs no quotes", "a\\b", "a\\b"],
    ["a backslash in quotes is doubled", "a\\b c", '"a\\\\b c"'],
    ["nothing", "", ""],
  ])("%s", (_name, text, expected) => expect(quote(text)).toBe(expected));

  it("cuts long text and says how much is missing", () => {
    expect(quote("x".repeat(131_072))).toBe(`"${"x".repeat(MAX_SHOWN)}"…+${131_072 - MAX_SHOWN}`);
    expect(quote("x".repeat(MAX_SHOWN))).toBe("x".repeat(MAX_SHOWN));
  });

  it("does not split a character where it cuts", () => {
    const text = `${"x".repeat(MAX_SHOWN - 1)}🚀y`;
    expect(quote(text)).toBe(`"${"x".repeat(MAX_SHOWN - 1)}"…+3`);
  });

  it("lets no control character through, whatever the text", () => {
    for (let code = 0; code < 0x3000; code++) {
      const shown = quote(`a${String.fromCharCode(code)}b`);
      expect(shown, `U+${code.toString(16)}`).not.toMatch(/\p{C}|\p{Zl}|\p{Zp}/u);
    }
  });
});

describe("terminalSafeJson", () => {
  it("keeps the value and escapes what a terminal would act on", () => {
    const value = { a: "\u001b[2J \u009b31m \u007f \u202e \u{e0041} ok ü 🚀" };
    const safe = terminalSafeJson(JSON.stringify(value));
    expect(safe).not.toMatch(/\p{C}/u);
    expect(JSON.parse(safe)).toEqual(value);
    expect(safe).toContain("ok ü 🚀");
  });
});
