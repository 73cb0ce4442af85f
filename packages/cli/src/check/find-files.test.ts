// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { check, GOOD, repository } from "./test-check.ts";

const NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\n";

async function summaryOf(args: readonly string[]) {
  const { status, out } = await check(["-o", "json", ...args]);
  const { files } = JSON.parse(out) as {
    files: { file: string; ok: boolean; policies: { name: string }[]; problems: Problem[] }[];
  };
  return { status, files };
}

type Problem = { code: string; message: string };

describe("a directory", () => {
  it("is looked through to its ends, past what is no policy", async () => {
    using repo = repository({
      "policies/base/a.yaml": GOOD,
      "policies/b.yml": `${NAMESPACE}---\n${GOOD}`,
      "policies/namespace.yaml": NAMESPACE,
      "policies/kustomization.yaml": "resources: [b.yml]\n",
      "policies/.hidden.yaml": "{",
      "policies/.git/x.yaml": "{",
      "policies/README.md": "{",
    });
    const { status, files } = await summaryOf([join(repo.root, "policies")]);
    expect(status).toBe(0);
    expect(
      files.map(({ file, policies }) => [file.slice(repo.root.length), policies.length]),
    ).toEqual([
      ["/policies/b.yml", 1],
      ["/policies/base/a.yaml", 1],
      ["/policies/namespace.yaml", 0],
    ]);
  });

  it("without any policy does not pass", async () => {
    using repo = repository({ "namespace.yaml": NAMESPACE });
    const { status, files } = await summaryOf([repo.root]);
    expect(status).toBe(1);
    expect(files[0]?.problems.map(({ code }) => code)).toContain("policy-missing");
    expect((await check([repo.root])).out).toContain("nothing was checked");
  });

  it("leads nowhere else, and holds nothing up", async () => {
    using secret = repository({ "secret.yaml": "SECRET: [\n" });
    using repo = repository({ "policies/a.yaml": GOOD, "policies/huge.yaml": "" });
    const policies = join(repo.root, "policies");
    symlinkSync(join(secret.root, "secret.yaml"), join(policies, "link.yaml"));
    symlinkSync("/dev/zero", join(policies, "endless.yaml"));
    symlinkSync("..data", join(policies, "gone.yaml"));
    truncateSync(join(policies, "huge.yaml"), 3 * 1024 ** 3);
    const { status, out } = await check([policies]);
    expect(status).toBe(2);
    expect(out).not.toContain("SECRET");
    expect(out.match(/leads out of the directory/g)).toHaveLength(2);
    expect(out).toContain("larger than 4194304 bytes");
    expect(out).toContain("gone.yaml: there is no such file");
    expect(out).toContain("a.yaml: ok: good");
  });

  it("may be a mounted ConfigMap", async () => {
    using repo = repository({ "..data/a.yaml": GOOD });
    symlinkSync("..data/a.yaml", join(repo.root, "a.yaml"));
    const { status, files } = await summaryOf([repo.root]);
    expect({ status, files: files.length }).toEqual({ status: 0, files: 1 });
  });
});

describe("a set of values", () => {
  const set = (path: string) =>
    `apiVersion: gander.dev/v1alpha1\nkind: ValueSet\nmetadata: { name: dirs }\nspec: { values: [${path}] }\n`;
  const guard =
    "apiVersion: gander.dev/v1alpha1\nkind: GuardPolicy\nmetadata: { name: p }\nspec:\n  lsmhooks:\n    - hook: file_open\n      args: [{ index: 0, type: file }]\n      selectors:\n        - matchArgs: [{ index: 0, operator: Prefix, values: ['set:dirs'] }]\n";

  it("may be in another of the files", async () => {
    using repo = repository({ "a/policy.yaml": guard, "z/set.yaml": set("/tmp/") });
    const { status, out } = await check([repo.root]);
    expect(status).toBe(0);
    expect(out).toContain("policy.yaml: ok: p (mode monitor-only)");
    expect(out).toContain("set.yaml: ok: dirs (a ValueSet)");
    const alone = await check([join(repo.root, "a/policy.yaml")]);
    expect(alone.status).toBe(1);
    expect(alone.out).toContain('error[policy-unknown-set]: There is no ValueSet "dirs"');
  });

  it("has the place of a value that a policy can't have", async () => {
    using repo = repository({ "policy.yaml": guard, "set.yaml": set(`/tmp/, ${"x".repeat(300)}`) });
    const { status, out } = await check([repo.root]);
    expect(status).toBe(1);
    expect(out).toMatch(/Value 2 of the ValueSet "dirs" \(.*set\.yaml:4:25\): The value has 300/);
    expect(out).toContain("policy.yaml:9:");
  });

  it("that an operator fills is right without a cluster, where it can be one of addresses", async () => {
    const named = guard.replace("set:dirs", "set:kubernetes/api-server");
    const ofSockets = named
      .replace("hook: file_open", "hook: socket_connect")
      .replace("{ index: 0, type: file }", "{ index: 1, type: sockaddr }")
      .replace("index: 0, operator: Prefix", "index: 1, operator: SAddr");
    using repo = repository({ "p.yaml": ofSockets });
    expect((await check([repo.root])).out).toContain("p.yaml: ok: p");
    using ports = repository({ "p.yaml": ofSockets.replace("SAddr", "SPort") });
    expect((await check([ports.root])).out).toContain('"192.0.2.1" is not a whole number');
  });

  it("of one name in two files is an error", async () => {
    using repo = repository({ "a.yaml": set("/a/"), "b.yaml": set("/b/") });
    const { status, out } = await check([repo.root]);
    expect(status).toBe(1);
    expect(out).toContain('There are two ValueSets of the name "dirs"');
  });
});

describe("a file given by name", () => {
  it("must hold a policy", async () => {
    using repo = repository({ "namespace.yaml": NAMESPACE });
    expect((await check([join(repo.root, "namespace.yaml")])).status).toBe(1);
  });

  it("is checked once, however often it is named", async () => {
    using repo = repository({ "a.yaml": GOOD });
    const file = join(repo.root, "a.yaml");
    expect((await summaryOf([file, file, repo.root])).files).toHaveLength(1);
  });

  it("may be called like a pattern", async () => {
    using repo = repository({ "[a]*.yaml": GOOD });
    expect((await check([join(repo.root, "[a]*.yaml")])).status).toBe(0);
  });
});

describe("a pattern", () => {
  it("stands for files that match, wherever they lie", async () => {
    using repo = repository({ "x/y/a.yaml": GOOD, "x/b.yaml": NAMESPACE, "c.yaml": "{" });
    mkdirSync(join(repo.root, "x/dir.yaml"));
    const { status, files } = await summaryOf([join(repo.root, "x/**/*.yaml")]);
    expect({ status, files: files.length }).toEqual({ status: 0, files: 2 });
  });

  it("that matches nothing does not pass", async () => {
    using repo = repository({});
    writeFileSync(join(repo.root, "note.txt"), "");
    const { status, out } = await check([join(repo.root, "*.yaml")]);
    expect(status).toBe(2);
    expect(out).toContain("there is no such file");
  });
});
