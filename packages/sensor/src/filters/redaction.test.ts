// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { compileRedaction } from "./redaction.ts";

const password = { redact: ["(?:--password|-p)(?:\\s+|=)(\\S+)"] };

describe("redaction", () => {
  it.each([
    ["--password=secret run", "--password=***** run"],
    ["-p a -p b", "-p ***** -p *****"],
    ["nothing", "nothing"],
    ["", ""],
  ])("%j", (args, expected) => {
    expect(compileRedaction([password]).value?.("/bin/x", args)).toBe(expected);
  });

  it("hides nested groups once, and several expressions one after the other", () => {
    const { value } = compileRedaction([{ redact: ["token=((a)(b))", "(key)"] }]);
    expect(value?.("/bin/x", "token=ab key")).toBe("token=***** *****");
  });

  it("is for the programs that are named", () => {
    const { value } = compileRedaction([{ ...password, binary_regex: ["mysql$"] }]);
    expect(value?.("/usr/bin/mysql", "-p x")).toBe("-p *****");
    expect(value?.("/usr/bin/ssh", "-p 22")).toBe("-p 22");
  });

  it("says what is wrong", () => {
    const { problems } = compileRedaction([
      { redact: ["(", "x"] },
      {},
      { redact: ["(a)"], match: [{}] },
    ]);
    expect(problems?.map(({ path }) => path)).toEqual([
      "[0].redact[0]",
      "[0].redact[1]",
      "[1].redact",
      "[2].match",
    ]);
  });
});
