// SPDX-License-Identifier: Apache-2.0
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { GOOD, HOSTILE_POLICY } from "../check/test-check.ts";
import { policyExplain } from "./policy-explain.ts";

const root = join(import.meta.dirname, "../../../..");
const policies = [
  ...globSync("policies/examples/*.yaml", { cwd: root }),
  ...globSync("packages/policy/test/fixtures/valid/*.yaml", { cwd: root }),
];

async function explain(args: readonly string[], stdin = "") {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const status = await policyExplain.run(args, {
    ...{ stdin: Readable.from([stdin]), stdout, stderr, env: {} },
    signal: new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  const [out, err] = await outputs;
  return { status, out, err };
}

describe("gander policy explain", () => {
  it.each(policies)("says of %s what is committed", async (path) => {
    const { status, out, err } = await explain([join(root, path)]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).not.toMatch(/undefined|\[object|NaN/);
    const explained = `testdata/explained/${basename(path, ".yaml")}.txt`;
    await expect(out).toMatchFileSnapshot(join(import.meta.dirname, "..", explained));
  });

  it("gives the same as JSON", async () => {
    const { status, out } = await explain(["-o", "json", "-"], GOOD);
    expect(status).toBe(0);
    const [policy] = JSON.parse(out).policies;
    expect(policy).toMatchObject({
      ...{ file: "standard input", name: "good", mode: "monitor-only", appliesTo: "every process" },
      hooks: [
        {
          path: "spec.kprobes[0]",
          hooks: "the kernel's function fd_install",
          rules: [
            {
              conditions: ['the path of argument 1 (file) is "/etc/shadow"'],
              effects: ["an event is posted"],
            },
          ],
        },
      ],
    });
    expect(policy.hooks[0].cost.posted).toBeGreaterThan(policy.hooks[0].cost.filtered);
  });

  it("explains what is right, and says what is wrong with the rest", async () => {
    const { status, out, err } = await explain([join(root, policies[0] ?? ""), "-"], "kind: x");
    expect(status).toBe(1);
    expect(out).toContain("for every process");
    expect(err).toContain("standard input");
    expect((await explain(["/nowhere.yaml"])).status).toBe(2);
  });

  it("sends nothing to the terminal that a file made up", async () => {
    const hostile = GOOD.replace('"/etc/shadow"', '"/etc/\\e[31m\\u202e\\n→ nothing"');
    for (const policy of [hostile, HOSTILE_POLICY]) {
      const { out, err } = await explain(["-"], policy);
      expect(`${out}${err}`).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
      expect(out).not.toMatch(/^→ nothing/m);
    }
  });

  it("is what the documentation shows", async () => {
    const page = readFileSync(join(root, "docs/policies.md"), "utf8");
    const [, shown] = /\$ gander policy explain guard-etc\.yaml\n([\s\S]*?)```/.exec(page) ?? [];
    const [policy] = /apiVersion[\s\S]*?name: guard-etc [\s\S]*?(?=```)/.exec(page) ?? [];
    expect((await explain(["-"], policy)).out).toBe(shown);
  });
});
