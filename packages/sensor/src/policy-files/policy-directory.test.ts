// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@gander/base";
import { checkPolicy, checkPolicyFile } from "@gander/policy";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type PolicySink, watchPolicyDirectories } from "./policy-directory.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "gander-policies-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const policy = (name: string, path = "/tmp/"): string => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: ${name} }
spec:
  kprobes:
    - call: security_bprm_check
      syscall: false
      args: [{ index: 0, type: linux_binprm }]
      selectors: [{ matchArgs: [{ index: 0, operator: Prefix, values: ["${path}"] }] }]
`;

/** What is in force, what was done to get there, and the log. */
function world() {
  const inForce = new Map<string, string>();
  const digests = new Map<string, string>();
  const deeds: string[] = [];
  const log: Record<string, unknown>[] = [];
  const policies: PolicySink = {
    list: () =>
      [...digests].map(([name, digest]) => ({ name, namespace: "", origin: "static", digest })),
    add: async ({ compiled: { name, hooks, digest } }) => {
      deeds.push(`add ${name}`);
      digests.set(name, digest);
      if (name === "refused") return { problems: [] };
      const [filter] = hooks[0]?.selectors[0]?.filters ?? [];
      inForce.set(name, JSON.stringify(filter).match(/"values":\["([^"]*)/)?.[1] ?? "");
      return { value: undefined };
    },
    remove: async ({ name }) => {
      deeds.push(`remove ${name}`);
      inForce.delete(name);
      digests.delete(name);
      return { value: undefined };
    },
  };
  const logger = createLogger({ level: "debug", write: (line) => void log.push(JSON.parse(line)) });
  const deps = { policies, check: checkPolicyFile, logger };
  const messages = () => log.map(({ level, message }) => `${level}: ${message}`);
  return { deps, digests, inForce, deeds, log, messages };
}

const never = { quietMs: 1e6, pollMs: 1e6 };

describe("watchPolicyDirectories", () => {
  it("puts in force what the files say, and no more", async () => {
    await writeFile(join(dir, "a.yaml"), policy("a"));
    await writeFile(join(dir, "b.yml"), `${policy("b")}---\n${policy("c")}`);
    await writeFile(join(dir, ".hidden.yaml"), policy("hidden"));
    await writeFile(join(dir, "notes.txt"), policy("notes"));
    await mkdir(join(dir, "folder.yaml"));
    execFileSync("mkfifo", [join(dir, "fifo.yaml")]);
    const { deps, inForce, messages } = world();
    await using _watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    expect([...inForce.keys()]).toEqual(["a", "b", "c"]);
    expect(messages()).toEqual(Array(3).fill("info: Policy is in force"));
  });

  it("follows additions, changes, renames and deletions, without a gap", async () => {
    const { deps, inForce, deeds } = world();
    await writeFile(join(dir, "a.yaml"), policy("a"));
    await using watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    await writeFile(join(dir, "b.yaml"), policy("b"));
    await watch.scan();
    await writeFile(join(dir, "a.yaml"), policy("a", "/var/tmp/"));
    await watch.scan();
    await rename(join(dir, "a.yaml"), join(dir, "z.yaml"));
    await watch.scan();
    expect([...inForce]).toEqual([
      ["a", "/var/tmp/"],
      ["b", "/tmp/"],
    ]);
    await rm(join(dir, "b.yaml"));
    await watch.scan();
    // Another name in the same file: the new one comes before the old one goes.
    await writeFile(join(dir, "z.yaml"), policy("renamed"));
    await watch.scan();
    await watch.scan();
    expect(deeds).toEqual(["add a", "add b", "add a", "remove b", "add renamed", "remove a"]);
  });

  it("tries again what is not in force when its file is written again", async () => {
    const file = join(dir, "a.yaml");
    await writeFile(file, `${policy("a")}---\n${policy("refused")}---\n${policy("b")}`);
    const { deps, digests, deeds } = world();
    await using watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    // As `gander policy delete` does; and a policy that could not be loaded is still listed.
    digests.delete("b");
    const { list } = deps.policies;
    deps.policies.list = () =>
      list().map((one) => ({ ...one, state: one.name === "refused" ? "load-error" : "enabled" }));
    await watch.scan();
    expect(deeds).toEqual(["add a", "add refused", "add b"]);
    await writeFile(file, `${policy("a")}---\n${policy("refused")}---\n${policy("b")}# again\n`);
    await watch.scan();
    await watch.scan();
    expect(deeds.slice(3)).toEqual(["add refused", "add b"]);
  });

  it("keeps the last good version of a broken file, and says where it is broken", async () => {
    const file = join(dir, "a.yaml");
    await writeFile(file, policy("a"));
    const { deps, inForce, log, messages, deeds } = world();
    await using watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    for (const broken of [policy("a", "/x").replace("Prefix", "Prefx"), "", "{", "a: [\u0000"]) {
      await writeFile(file, broken);
      await watch.scan();
      await watch.scan();
      expect(inForce.get("a")).toBe("/tmp/");
    }
    expect(log.find(({ message }) => message === "Policy file is broken")).toMatchObject({
      file,
      line: 9,
      column: 55,
      problem: 'operator cannot be "Prefx"',
      hint: 'Did you mean "Prefix"?',
    });
    expect(messages()).toContain("warn: The last good version of the file stays in force");
    await writeFile(file, policy("a", "/y/"));
    await watch.scan();
    expect(inForce.get("a")).toBe("/y/");
    expect(deeds).toEqual(["add a", "add a"]);
  });

  it("keeps what a directory held when the directory cannot be read any more", async () => {
    const inner = join(dir, "inner");
    await mkdir(inner);
    await writeFile(join(inner, "a.yaml"), policy("a"));
    const { deps, inForce, messages } = world();
    await using watch = await watchPolicyDirectories(deps, {
      directories: [`${inner}/`],
      ...never,
    });
    await rename(inner, join(dir, "elsewhere"));
    await watch.scan();
    await watch.scan();
    expect([...inForce.keys()]).toEqual(["a"]);
    await mkdir(inner);
    await watch.scan();
    expect([...inForce.keys()]).toEqual([]);
    expect(messages().slice(1)).toEqual([
      "warn: Policy directory cannot be read; what it held stays in force",
      "info: Policy directory can be read",
      "info: Policy was taken out of force",
    ]);
  });

  it("takes the first of two files with the same policy, until it goes", async () => {
    await writeFile(join(dir, "a.yaml"), policy("p", "/first/"));
    await writeFile(join(dir, "b.yaml"), policy("p", "/second/"));
    const { deps, inForce, messages } = world();
    await using watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    await watch.scan();
    expect(inForce.get("p")).toBe("/first/");
    expect(messages().filter((line) => line.startsWith("error"))).toEqual([
      "error: Policy is in two files, the second one is ignored",
    ]);
    await rm(join(dir, "a.yaml"));
    await watch.scan();
    expect(inForce.get("p")).toBe("/second/");
  });

  it("does not try again and again what the kernel refused", async () => {
    await writeFile(join(dir, "a.yaml"), policy("refused"));
    const { deps, deeds } = world();
    await using watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    await watch.scan();
    expect(deeds).toEqual(["add refused"]);
    await writeFile(join(dir, "a.yaml"), policy("refused", "/other/"));
    await watch.scan();
    expect(deeds).toEqual(["add refused", "add refused"]);
  });

  it("takes over what an earlier sensor left, once it is sure", async () => {
    await writeFile(join(dir, "a.yaml"), policy("a"));
    await writeFile(join(dir, "broken.yaml"), "spec: [");
    const { deps, digests, deeds, messages } = world();
    const checked = checkPolicy(policy("a"), { file: "" }).value ?? [];
    digests.set("a", checked[0]?.compiled.digest ?? "");
    digests.set("perhaps-in-broken", "x");
    await using watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    expect(deeds).toEqual([]);
    expect(messages()).toContain("info: Policy of the earlier sensor stays in force");
    await writeFile(join(dir, "broken.yaml"), policy("other"));
    await watch.scan();
    expect(deeds).toEqual(["add other", "remove perhaps-in-broken"]);
  });

  it("holds single policies whatever the directories say", async () => {
    const always = checkPolicy(policy("a", "/always/"), { file: "" }).value ?? [];
    await writeFile(join(dir, "a.yaml"), policy("a"));
    const { deps, inForce } = world();
    await using watch = await watchPolicyDirectories(deps, {
      directories: [dir],
      always,
      ...never,
    });
    await rm(join(dir, "a.yaml"));
    await watch.scan();
    expect([...inForce]).toEqual([["a", "/always/"]]);
  });

  it("notices by itself: changes in a directory, a swapped link, a directory that comes later", async () => {
    const { deps, inForce } = world();
    const late = join(dir, "late");
    const options = { directories: [dir, late], quietMs: 20, pollMs: 100 };
    await using _watch = await watchPolicyDirectories(deps, options);
    await writeFile(join(dir, "a.yaml"), policy("a"));
    await expect.poll(() => inForce.get("a")).toBe("/tmp/");
    // As a ConfigMap is mounted: the file is a link through ..data, which is swapped as a whole.
    await mkdir(join(dir, "v1"));
    await mkdir(join(dir, "v2"));
    await writeFile(join(dir, "v1", "m.yaml"), policy("m", "/v1/"));
    await writeFile(join(dir, "v2", "m.yaml"), policy("m", "/v2/"));
    await symlink("v1", join(dir, "..data"));
    await symlink("..data/m.yaml", join(dir, "m.yaml"));
    await expect.poll(() => inForce.get("m")).toBe("/v1/");
    await symlink("v2", join(dir, "..data_tmp"));
    await rename(join(dir, "..data_tmp"), join(dir, "..data"));
    await expect.poll(() => inForce.get("m")).toBe("/v2/");
    await mkdir(late);
    await writeFile(join(late, "l.yaml"), policy("l"));
    await expect.poll(() => inForce.get("l")).toBe("/tmp/");
    await rm(join(late, "l.yaml"));
    await expect.poll(() => inForce.has("l")).toBe(false);
  });
});

const setOf = (name: string, ...values: readonly string[]) =>
  `---\napiVersion: gander.dev/v1alpha1\nkind: ValueSet\nmetadata: { name: ${name} }\nspec: { values: ${JSON.stringify(values)} }\n`;
const guard = (name: string, path: string) =>
  policy(name, path).replace("cilium.io", "gander.dev").replace("TracingPolicy", "GuardPolicy");

describe("sets of values", () => {
  /** A directory with a set in a file of its own, which two policies use. */
  async function sharing() {
    const made = world();
    const shown = new Map<string, string>();
    made.deps.policies.reportBroken = ({ name }, problems) =>
      void shown.set(name, problems.map(({ message }) => message).join());
    made.deps.policies.refuse = ({ compiled: { name } }, _, problems) =>
      void shown.set(name, problems.map(({ message }) => message).join());
    const setFile = join(dir, "set.yaml");
    await writeFile(setFile, setOf("tmp", "/tmp/"));
    await writeFile(join(dir, "a.yaml"), guard("a", "set:tmp"));
    await writeFile(join(dir, "b.yaml"), guard("b", "set:tmp"));
    return { ...made, shown, setFile };
  }

  it("are changed for all their policies at once, and no file of a policy is touched", async () => {
    const { deps, inForce, deeds, setFile } = await sharing();
    await using watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    expect([...inForce]).toEqual([
      ["a", "/tmp/"],
      ["b", "/tmp/"],
    ]);
    await writeFile(setFile, setOf("tmp", "/var/tmp/"));
    await watch.scan();
    await watch.scan();
    expect([...inForce.values()]).toEqual(["/var/tmp/", "/var/tmp/"]);
    expect(deeds).toEqual(["add a", "add b", "add a", "add b"]);
  });

  it("that are in no file any more keep their last values, and their policies say so", async () => {
    const { deps, inForce, shown, messages, setFile } = await sharing();
    await using watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    await rm(setFile);
    await watch.scan();
    await watch.scan();
    expect(inForce.get("a")).toBe("/tmp/");
    expect(shown.get("b")).toBe(
      'the ValueSet "tmp" is in no file any more; its last values stay in force',
    );
    expect(messages().filter((text) => text.includes("in no file"))).toHaveLength(1);
    await writeFile(setFile, setOf("tmp", "/tmp/"));
    await watch.scan();
    expect(shown.get("b")).toBe("");
  });

  it("that are broken, or do not suit a filter, leave the last values in force", async () => {
    const { deps, inForce, shown, setFile } = await sharing();
    await using watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    await writeFile(setFile, setOf("tmp"));
    await watch.scan();
    expect(shown.get("a")).toContain("The ValueSet has no values");
    await writeFile(setFile, setOf("tmp", "/tmp/", "x".repeat(1000)));
    await watch.scan();
    expect(shown.get("a")).toMatch(
      /Value 2 of the ValueSet "tmp" \(.*set\.yaml:5:26\): The value has 1000 bytes; 250 are/,
    );
    expect([...inForce.values()]).toEqual(["/tmp/", "/tmp/"]);
    await writeFile(setFile, setOf("tmp", "/opt/"));
    await watch.scan();
    expect([...inForce.values()]).toEqual(["/opt/", "/opt/"]);
  });

  it("that do not exist yet hold a policy back until they do", async () => {
    const { deps, inForce, shown, setFile } = await sharing();
    await rm(setFile);
    await using watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    expect(inForce.size).toBe(0);
    expect(shown.get("a")).toBe('There is no ValueSet "tmp"');
    await writeFile(setFile, setOf("tmp", "/tmp/"));
    await watch.scan();
    expect(inForce.size).toBe(2);
  });

  it("of one name in two files: the first counts", async () => {
    const { deps, inForce, messages } = await sharing();
    await writeFile(join(dir, "z.yaml"), setOf("tmp", "/z/"));
    await using watch = await watchPolicyDirectories(deps, { directories: [dir], ...never });
    await watch.scan();
    expect(inForce.get("a")).toBe("/tmp/");
    expect(messages().filter((text) => text.includes("in two files"))).toHaveLength(1);
  });
});
