// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { check, GOOD, HOSTILE_NAME, HOSTILE_POLICY, repository } from "./test-check.ts";

/** Reads lines as GitHub's runner does: what is no command is told as undefined. */
function commands(out: string) {
  return out
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [, command, properties = "", data = ""] =
        /^::([\w-]+)(?: (.*?))?::(.*)$/.exec(line) ?? [];
      if (command === undefined) return undefined;
      const pairs = properties.split(",").map((pair) => pair.split(/=(.*)/s).slice(0, 2));
      const unescaped = pairs.map(([name, value = ""]) => [name, decodeProperty(value)]);
      return { command, ...Object.fromEntries(unescaped), message: decodeData(data) };
    });
}

const decodeData = (text: string) =>
  text.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");

const decodeProperty = (text: string) =>
  decodeData(text.replaceAll("%3A", ":").replaceAll("%2C", ","));

describe("-o github", () => {
  it("annotates the line, from the root of the repository", async () => {
    using repo = repository({ "p/a.yaml": GOOD.replace("Equal", "Equl"), "p/b.yaml": GOOD });
    const { status, out } = await check(["-o", "github", join(repo.root, "p")], "", repo.root);
    expect(status).toBe(1);
    expect(commands(out)).toEqual([
      {
        command: "error",
        file: "p/a.yaml",
        line: "17",
        col: "25",
        title: "policy-unknown-value",
        message: expect.stringContaining('Did you mean "Equal"?'),
      },
      undefined,
    ]);
    expect(out).toContain("\n2 files, 1 policies without an error, 1 error\n");
  });

  it("names what could not be read, and where in the standard input it is", async () => {
    const { out } = await check(["-o", "github", "/nowhere.yaml", "-"], GOOD.replace("int", "itn"));
    const [unread, input] = commands(out);
    expect(unread).toMatchObject({ command: "error", file: "/nowhere.yaml" });
    expect(unread).not.toHaveProperty("line");
    expect(input).not.toHaveProperty("file");
    expect(input?.message).toMatch(/^Line 11, column 17: /);
  });

  it("lets no name and no content begin a line or end a field", async () => {
    using repo = repository({ [HOSTILE_NAME]: HOSTILE_POLICY });
    const { status, out } = await check(["-o", "github", repo.root], "", repo.root);
    expect(status).toBe(1);
    const told = commands(out);
    expect(told.at(-1)).toBeUndefined();
    expect(told.slice(0, -1).map((line) => line?.command)).toEqual(["error"]);
    expect(told[0]).toMatchObject({ title: "policy-unknown-value", line: "17" });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(out.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });
});
