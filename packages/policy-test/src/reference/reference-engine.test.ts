// SPDX-License-Identifier: Apache-2.0
import { checkPolicy } from "@gander/policy";
import { describe, expect, it } from "vitest";
import type { CaseResult } from "../case-result.ts";
import { readPolicyTest } from "../policy-test.ts";
import { runReference } from "./reference-engine.ts";

const head = "apiVersion: gander.dev/v1alpha1\nkind: GuardPolicy\nmetadata: { name: p }\nspec: ";

/** How a case ends under a policy: its spec, the case's fields, both in YAML. */
function end(spec: string, fields: string): CaseResult {
  const { value: policies, problems } = checkPolicy(`${head}${spec}`, { file: "policy.yaml" });
  expect(problems).toBeUndefined();
  const text = `apiVersion: gander.dev/v1alpha1\nkind: PolicyTest\nmetadata: { name: t }\npolicies: [policy.yaml]\ncases: [{ name: c, expect: allowed, ${fields} }]`;
  const test = readPolicyTest(text, "gander-test.yaml");
  expect(test.problems).toBeUndefined();
  const compiled = policies?.map((policy) => policy.compiled) ?? [];
  const [result] = runReference(test.value?.cases ?? [], compiled);
  if (result === undefined) throw new Error("no result");
  return result;
}

const deny = "matchActions: [{ action: Override, argError: -1 }]";
const hook = (name: string, args: string, selector: string) =>
  `{ lsmhooks: [{ hook: ${name}, args: [${args}], selectors: [{ ${selector} }] }] }`;
const file = "{ index: 0, type: file }";
const starting = (path: string, more = deny) =>
  hook(
    "file_open",
    file,
    `matchArgs: [{ index: 0, operator: Prefix, values: [${path}] }], ${more}`,
  );

describe("verdicts", () => {
  it.each<[string, string, string, CaseResult["verdict"]]>([
    ["a denied call", starting("/etc/"), "do: { read: /etc/hosts }", "denied"],
    ["another path", starting("/etc/"), "do: { read: /usr/bin/true }", "allowed"],
    ["without actions it reports", starting("/etc/", ""), "do: { read: /etc/hosts }", "reported"],
    [
      "an exception that posts nothing",
      starting("/etc/", "matchActions: [{ action: NoPost }]"),
      "do: { read: /etc/hosts }",
      "allowed",
    ],
    [
      "a killed process",
      starting("/etc/", "matchActions: [{ action: Sigkill }]"),
      "do: { read: /etc/hosts }",
      "killed",
    ],
    [
      "mode monitor",
      `{ options: [{ name: policy-mode, value: monitor }], lsmhooks: [{ hook: file_open, selectors: [{ ${deny} }] }] }`,
      "do: { read: /etc/hosts }",
      "reported",
    ],
    [
      "a link on the way",
      starting("/etc/"),
      "given: [{ symlink: [/etc/hosts, /tmp/l] }], do: { read: /tmp/l }",
      "denied",
    ],
    ["a link of the image", starting("/usr/bin/"), "do: { read: /bin/true }", "denied"],
    ["a path with dots", starting("/etc/"), "do: { read: /tmp/../etc/hosts }", "denied"],
    [
      "the function of the hook",
      `{ kprobes: [{ call: security_file_open, syscall: false, args: [${file}], selectors: [{ matchArgs: [{ index: 0, operator: Prefix, values: [/etc/] }], ${deny} }] }] }`,
      "do: { read: /etc/hosts }",
      "denied",
    ],
    [
      "arguments of a function that differ from those of its hook",
      "{ kprobes: [{ call: security_mmap_file, syscall: false, args: [{ index: 2, type: uint64 }], selectors: [{ matchArgs: [{ index: 2, operator: Mask, values: ['1'] }] }] }] }",
      "do: { mapShared: /tmp/x }",
      "reported",
    ],
    [
      "a system call",
      "{ kprobes: [{ call: sys_openat, syscall: true, args: [{ index: 1, type: string }], selectors: [{ matchArgs: [{ index: 1, operator: Prefix, values: [/etc] }] }] }] }",
      "do: { read: /etc/hosts }",
      "reported",
    ],
    [
      "a value without a type",
      "{ lsmhooks: [{ hook: file_open, args: [{ index: 0, resolve: f_path.dentry.d_name.name }], selectors: [{ matchArgs: [{ index: 0, operator: Equal, values: [hosts] }] }] }] }",
      "do: { read: /etc/hosts }",
      "reported",
    ],
  ])("%s", (_, spec, fields, verdict) => {
    const { why, ...result } = end(spec, fields);
    expect(result.verdict, why).toBe(verdict);
  });
});

it("compares an address of IPv4 as one, by whatever socket", () => {
  const args = "{ index: 1, type: sockaddr }";
  const filter = "matchArgs: [{ args: [0], operator: SAddr, values: [169.254.169.254] }]";
  const connect = (to: string) =>
    end(hook("socket_connect", args, `${filter}, ${deny}`), `do: { connect: "${to}" }`).verdict;
  expect(connect("[::ffff:169.254.169.254]:80")).toBe("denied");
  expect(connect("[fd00::1]:80")).toBe("allowed");
});

describe("who does it", () => {
  const byCat = starting(
    "/etc/",
    `matchBinaries: [{ operator: Postfix, values: [/cat] }], ${deny}`,
  );

  it.each<[string, string, CaseResult["verdict"]]>([
    ["by: /usr/bin/cat,", byCat, "denied"],
    ["by: /usr/bin/catalogue,", byCat, "allowed"],
    ["", byCat, "allowed"],
    [
      "by: /usr/bin/cat,",
      starting("/etc/", `matchProcess: [{ property: User, operator: In, values: ["0"] }], ${deny}`),
      "denied",
    ],
    [
      "",
      starting(
        "/etc/",
        `matchNamespaces: [{ namespace: Mnt, operator: In, values: [host_ns] }], ${deny}`,
      ),
      "allowed",
    ],
  ])("%s", (by, spec, verdict) => {
    expect(end(spec, `${by} do: { read: /etc/hosts }`).verdict).toBe(verdict);
  });
});

describe("what the model does not know", () => {
  it.each<[string, string, string, string]>([
    [
      "a hook outside of the model",
      "{ kprobes: [{ call: vfs_read, syscall: false }] }",
      "do: { read: /etc/hosts }",
      "whether vfs_read is called",
    ],
    [
      "a value behind an argument",
      hook(
        "file_open",
        "{ index: 0, type: uint64, resolve: f_inode.i_ino }",
        `matchArgs: [{ index: 0, operator: Equal, values: ["7"] }], ${deny}`,
      ),
      "do: { read: /etc/hosts }",
      "what argument 0 → f_inode.i_ino of file_open is",
    ],
    [
      "bits that the kernel adds",
      hook(
        "file_open",
        "{ index: 0, type: uint32, resolve: f_mode }",
        `matchArgs: [{ index: 0, operator: Equal, values: ["1"] }], ${deny}`,
      ),
      "do: { read: /etc/hosts }",
      "what argument 0 → f_mode of file_open is",
    ],
    [
      "a path inside a volume's file system",
      hook(
        "path_unlink",
        "{ index: 1, type: dentry }",
        `matchArgs: [{ index: 1, operator: Prefix, values: [/d] }], ${deny}`,
      ),
      "volumes: { /data: { f: x } }, do: { unlink: /data/f }",
      "what argument 1 of path_unlink is",
    ],
    [
      "a program that does something",
      starting("/etc/shadow"),
      "do: { execute: [/usr/bin/find, /tmp] }",
      "what /usr/bin/find does once it runs",
    ],
    [
      "a call that not every kernel makes",
      hook("path_truncate", "{ index: 0, type: path }", deny),
      "do: { empty: /tmp/x }",
      "Linux before 6.2",
    ],
  ])("%s", (_, spec, fields, reason) => {
    const { verdict, why } = end(spec, fields);
    expect(verdict).toBe("undecided");
    expect(why).toContain(reason);
  });

  it.each<[string, string, string, CaseResult["verdict"]]>([
    [
      "but another filter decides",
      hook(
        "file_open",
        `${file}, { index: 0, type: uint64, resolve: f_inode.i_ino }`,
        `matchArgs: [{ args: [0], operator: Prefix, values: [/etc/] }, { args: [1], operator: Equal, values: ["7"] }], ${deny}`,
      ),
      "do: { read: /tmp/x }",
      "allowed",
    ],
    [
      "but a later selector does the same",
      `{ lsmhooks: [{ hook: file_open, args: [{ index: 0, type: uint64, resolve: f_inode.i_ino }], selectors: [{ matchArgs: [{ index: 0, operator: Equal, values: ["7"] }], ${deny} }, { ${deny} }] }] }`,
      "do: { read: /tmp/x }",
      "denied",
    ],
    [
      "but the hook is one of programs that start",
      hook(
        "bprm_check_security",
        "{ index: 0, type: linux_binprm }",
        `matchArgs: [{ index: 0, operator: Postfix, values: [/grep] }], ${deny}`,
      ),
      "do: { execute: [/usr/bin/find, /tmp] }",
      "allowed",
    ],
  ])("%s", (_, spec, fields, verdict) => {
    expect(end(spec, fields).verdict).toBe(verdict);
  });
});

describe("cases that can't be judged", () => {
  it("says what was denied before", () => {
    const { verdict, why, trace } = end(
      hook("path_mkdir", "{ index: 1, type: dentry }", deny),
      "given: [{ mkdir: /tmp/d }], do: { create: /tmp/d/x }",
    );
    expect([verdict, why]).toEqual(["invalid", "given mkdir is denied already"]);
    expect(trace?.[0]).toContain("path_mkdir(");
  });

  it("says what is no address", () => {
    const { verdict, why } = end(hook("socket_connect", "", deny), "do: { connect: nowhere }");
    expect(verdict).toBe("invalid");
    expect(why).toContain('"nowhere" is not an address with a port');
  });
});

describe("calls that are counted", () => {
  const counted = starting(
    "/etc/",
    "matchCount: { atLeast: 3, within: 10s, per: process }, matchActions: [{ action: Sigkill }]",
  );

  it("are those of one process", () => {
    const paths = (n: number) => Array.from({ length: n }, (_, i) => `/etc/${i}`).join(", ");
    const guard = (fields: string) => end(counted, fields);
    expect(guard(`do: { openSeries: [${paths(3)}] }`).verdict).toBe("killed");
    expect(guard(`do: { openSeries: [${paths(2)}] }`).verdict).toBe("allowed");
    expect(guard(`given: [{ read: /etc/a }], do: { openSeries: [${paths(2)}] }`).verdict).toBe(
      "allowed",
    );
  });
});

describe("what people read", () => {
  it("shows the call and what matched, if a prefix is too wide", () => {
    const result = end(starting("/etc/pass"), "do: { write: /etc/passages }");
    expect(result).toMatchObject({
      verdict: "denied",
      why: "by the policy p, spec.lsmhooks[0] (file_open), selector 0",
      decision: { policy: "p", entry: "spec.lsmhooks[0]", hook: "file_open", selector: 0 },
      trace: [
        'file_open(file: "/etc/passages") by /application',
        'matches: the path of argument 0 (file) begins with "/etc/pass"',
      ],
    });
  });

  it("shows the nearest call and what did not match, if nothing did", () => {
    expect(end(starting("/etc/passwd"), "do: { write: /etc/group }").trace).toEqual([
      'file_open(file: "/etc/group") by /application',
      'does not match in selector 0: the path of argument 0 (file) begins with "/etc/passwd"',
    ]);
  });

  it("names the hooks, if the policy has none of them", () => {
    expect(end(starting("/etc/passwd"), "do: { unlink: /etc/passwd }").trace).toEqual([
      "no policy has a hook that it calls; it calls path_unlink",
    ]);
  });
});
