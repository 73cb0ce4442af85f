// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repository, runCommand } from "../check/test-check.ts";
import { policyTest } from "./policy-test.ts";

const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: p }
spec:
  lsmhooks:
    - hook: file_open
      args: [{ index: 0, type: file }, { index: 0, type: uint64, resolve: f_inode.i_ino }]
      selectors:
        - matchArgs: [{ args: [0], operator: Prefix, values: [/etc/] }]
          matchActions: [{ action: Override, argError: -1 }]
        - matchArgs: [{ args: [1], operator: Equal, values: ["7"] }]
`;

const head =
  "apiVersion: gander.dev/v1alpha1\nkind: PolicyTest\nmetadata: { name: t }\npolicies: [policy.yaml]\ncases:\n";
const good = "  - { name: stopped, do: { read: /etc/hosts }, expect: denied }\n";
const wrong = "  - { name: let pass, do: { read: /etc/hosts }, expect: allowed }\n";
const unknown = "  - { name: other, do: { read: /tmp/x }, expect: allowed }\n";

async function run(cases: string, args: readonly string[] = []) {
  using directory = repository({ "policy.yaml": policy, "gander-test.yaml": head + cases });
  const result = await runCommand(policyTest, [...args, directory.root], { root: directory.root });
  return { ...result, out: result.out.replaceAll(`${directory.root}/`, "") };
}

describe("exit status", () => {
  it.each<[string, string, readonly string[], number]>([
    ["all as expected", good, [], 0],
    ["one is not", good + wrong, [], 1],
    ["one is not decided", good + unknown, [], 1],
    ["that is allowed", good + unknown, ["--allow-undecided"], 0],
    ["the wrong one is left out", good + wrong, ["--run", "t/stopped"], 0],
    ["no case fits", good, ["--run", "nothing"], 2],
    ["no regular expression", good, ["--run", "("], 2],
    ["a broken test", "  - { name: x, do: { raed: /x }, expect: allowed }\n", [], 1],
  ])("%s", async (_, cases, args, status) => {
    const result = await run(cases, args);
    expect(result.status, result.out + result.err).toBe(status);
  });

  it("is 2 where there is no test, and where a policy can't be read", async () => {
    using directory = repository({ "policy.yaml": policy });
    expect((await runCommand(policyTest, [directory.root])).status).toBe(2);
    using other = repository({ "gander-test.yaml": head + good });
    const { status, out } = await runCommand(policyTest, [other.root]);
    expect(status).toBe(2);
    expect(out).toContain("ENOENT");
  });
});

describe("output", () => {
  it("json has each case with who decided", async () => {
    const { out } = await run(good + unknown, ["-o", "json"]);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      files: [
        {
          cases: [
            {
              ...{ name: "stopped", line: 6, verdict: "denied" },
              decision: { policy: "p", entry: "spec.lsmhooks[0]", selector: 0 },
            },
            { name: "other", verdict: "undecided" },
          ],
          problems: [{ code: "policy-test-undecided", line: 7 }],
        },
      ],
    });
  });

  it("junit has a case each", async () => {
    const { out } = await run(good + wrong + unknown, ["-o", "junit", "--allow-undecided"]);
    expect(out).toContain('<testsuites name="gander policy test" tests="3" failures="1"');
    expect(out).toMatch(/<testcase name="stopped"[^>]*\/>/);
    expect(out).toMatch(/<testcase name="let pass"[^>]*><failure /);
    expect(out).toMatch(/<testcase name="other"[^>]*><skipped\/>/);
    expect(out).toContain('skipped="1"');
  });

  it("github and sarif have the place of the wrong case, with the call", async () => {
    const github = await run(good + wrong, ["-o", "github"]);
    expect(github.out).toContain("file=gander-test.yaml,line=7,col=5,title=policy-test-failed");
    expect(github.out).toContain('file_open(file: "/etc/hosts"');
    const sarif = JSON.parse((await run(good + wrong, ["-o", "sarif"])).out);
    expect(sarif.runs[0].results).toHaveLength(1);
    expect(sarif.runs[0].results[0].ruleId).toBe("policy-test-failed");
  });

  it("names what is wrong in a test, and what to write", async () => {
    const { out } = await run(
      "  - { name: x, do: { raed: /x }, expect: allowed }\n  - { name: y, doo: 1, expect: refused }\n",
    );
    expect(out).toContain('there is no operation "raed"; did you mean read?');
    expect(out).toContain("do is missing");
    expect(out).toContain('there is no field "doo" here');
    expect(out).toContain(
      'expect must be "allowed", "reported", "denied", "killed", not "refused"',
    );
  });
});

describe("--init", () => {
  it("finds a case for what is made in folders whose names begin alike", async () => {
    const jobs = policy
      .replace("hook: file_open", "hook: path_mknod")
      .replace(/args: .*/, "args: [{ index: 0, type: path }]")
      .replace("[/etc/]", "[/etc/cron]")
      .replace(/ +- matchArgs: .*args: .1.*\n/, "");
    using directory = repository({ "policy.yaml": jobs });
    const { out } = await runCommand(policyTest, ["--init", join(directory.root, "policy.yaml")]);
    expect(out).toMatch(/: 2 cases\n$/);
    const text = readFileSync(join(directory.root, "gander-test.yaml"), "utf8");
    expect(text).toMatch(/create: \/etc\/cron\/x\n +expect: denied/);
  });

  it("writes a test that passes, and no second one over it", async () => {
    using directory = repository({ "policy.yaml": policy });
    const path = join(directory.root, "policy.yaml");
    const first = await runCommand(policyTest, ["--init", path]);
    expect(first).toMatchObject({ status: 0, err: "" });
    const file = join(directory.root, "gander-test.yaml");
    expect(existsSync(file)).toBe(true);
    const text = readFileSync(file, "utf8");
    expect(text).toContain("expect: denied");
    expect(text).toContain("No case was found for spec.lsmhooks[0], selector 1");
    expect((await runCommand(policyTest, [file])).status).toBe(0);
    const second = await runCommand(policyTest, ["--init", path]);
    expect(second.status).toBe(1);
    expect(second.err).toContain("it is there already");
    expect(readFileSync(file, "utf8")).toBe(text);
  });
});
