// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { check } from "../check/test-check.ts";

const EXAMPLES = join(import.meta.dirname, "../../../../policies/examples");
const TMP_EXEC = join(EXAMPLES, "detect-tmp-exec.yaml");
const GOOD = readFileSync(TMP_EXEC, "utf8");

describe("gander policy check", () => {
  it("says what is good", async () => {
    expect(await check([TMP_EXEC])).toEqual({
      status: 0,
      out: `${TMP_EXEC}: ok: detect-tmp-exec (mode monitor-only)\n`,
      err: "",
    });
    expect(await check(["-q", TMP_EXEC])).toEqual({ status: 0, out: "", err: "" });
  });

  it("names two mistakes at once, each with its place and what to write", async () => {
    const broken = GOOD.replace("binprm", "binprn").replace("Prefix", "Prefx");
    const { status, out } = await check(["-"], broken);
    expect(status).toBe(1);
    expect(out).toContain('type cannot be "linux_binprn"\n  --> standard input:11:17  ');
    expect(out).toContain("11 |           type: linux_binprn\n   |                 ^^^^^^^^^^^^\n");
    expect(out).toContain('help: Did you mean "linux_binprm"?');
    expect(out).toContain('operator cannot be "Prefx"\n  --> standard input:15:25  ');
    expect(out).toContain("2 errors\n");
    expect(out).toContain('Did you mean "Prefix"?');
  });

  it("checks all files whatever becomes of the first", async () => {
    const { status, out } = await check(["/nowhere/x.yaml", EXAMPLES, import.meta.dirname]);
    expect(status).toBe(2);
    expect(out).toContain("Cannot read /nowhere/x.yaml: there is no such file");
    expect(out.match(/: ok: /g)).toHaveLength(3);
    expect(out).toContain(`Cannot read ${import.meta.dirname}: it is a directory`);
  });

  it("gives the same as JSON", async () => {
    const { status, out } = await check(["-o", "json", TMP_EXEC, "-"], "kind: TracingPolicy\n");
    expect(status).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      files: [
        {
          file: TMP_EXEC,
          ok: true,
          policies: [{ name: "detect-tmp-exec", namespace: "" }],
          problems: [],
        },
        { file: "standard input", ok: false, policies: [] },
      ],
    });
    const [, second] = JSON.parse(out).files;
    expect(second.problems[0]).toMatchObject({ severity: "error", line: 1 });
  });

  it("sends nothing to the terminal that a file made up", async () => {
    const { status, out } = await check(
      ["-"],
      `${GOOD.replace("Prefix", '"\\e[31mPrefix"')}\u001b[2J\u009b`,
    );
    expect(status).toBe(1);
    expect(out.replaceAll("\n", "")).not.toMatch(/\p{C}/u);
  });

  it("says by its exit status what became of it", async () => {
    const warned = GOOD.replace("metadata:", "metadata:\n  namespace: other");
    const cases = [
      [[TMP_EXEC], 0],
      [["--fail-on", "warning", TMP_EXEC], 0],
      [["-"], 0],
      [["-q", "--fail-on", "warning", "-"], 1],
      [["/nowhere.yaml"], 2],
      [["-o", "github", "/nowhere.yaml", "-"], 2],
      [["-o", "nonsense", TMP_EXEC], 2],
      [[], 2],
    ] as const;
    for (const [args, status] of cases)
      expect({ args, status: (await check(args, warned)).status }).toEqual({ args, status });
    expect((await check(["-q", "--fail-on", "warning", "-"], warned)).out).toContain(
      "its namespace is ignored",
    );
    expect((await check(["-q", "-"], warned)).out).toBe("");
  });
});
