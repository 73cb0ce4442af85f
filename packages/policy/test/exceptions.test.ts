// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import {
  checkExceptionObject,
  checkPolicy,
  checkPolicyFile,
  choosesPolicy,
  exceptionWarnings,
  useExceptions,
} from "../src/index.ts";

const exception = (spec: string, head = "kind: PolicyException\nmetadata: { name: backup }") => `---
apiVersion: gander.dev/v1alpha1
${head}
spec:
  reason: the backup reads every file
${spec}`;

const namespaced = "kind: PolicyExceptionNamespaced\nmetadata: { name: backup, namespace: shop }";

/** A policy that denies with one hook entry. */
const policy = (hook: string, head = "kind: GuardPolicy\nmetadata: { name: p }", spec = "") => `---
apiVersion: gander.dev/v1alpha1
${head}
spec:
${spec}
  lsmhooks:
${hook}
`;

const onFile = `    - hook: file_open
      args: [{ index: 0, type: file }]
      selectors: [{ matchArgs: [{ index: 0, operator: Prefix, values: [/etc/] }], matchActions: [{ action: Override, argError: -1 }] }]`;

const problemsOf = (text: string) =>
  (checkPolicyFile(text, { file: "a.yaml" }).problems ?? []).map(
    ({ line, column, severity, message }) => `${line}:${column} ${severity}: ${message}`,
  );

function compiled(text: string) {
  const { value, problems } = checkPolicyFile(text, { file: "a.yaml" });
  expect(problems).toBeUndefined();
  const [one] = value?.exceptions ?? [];
  if (one === undefined) throw new Error("there is no exception");
  return one;
}

function applied(text: string, place: "cluster" | "host" = "cluster") {
  const { value, problems } = checkPolicyFile(text, { file: "a.yaml" });
  expect(problems).toBeUndefined();
  const [first] = value?.policies ?? [];
  if (first === undefined) throw new Error("there is no policy");
  return useExceptions(first, value?.exceptions ?? [], place);
}

describe("a wrong exception", () => {
  it.each([
    ["  policies: [p]", "Nothing restricts the exception: the policies would do nothing any more"],
    ["  policies: [p]\n  podSelector: {}", "Nothing restricts the exception"],
    ["  policies: [p]\n  paths: [{ operator: Prefix, values: [/] }]", "Nothing restricts"],
    ["  policies: [p]\n  everything: true\n  namespaces: [a]", "says that it is for everything"],
    ["  namespaces: [a]", "The exception names no policies"],
    ["  policies: [p]\n  policySelector: {}\n  namespaces: [a]", "cannot be used together"],
    ["  policies: []\n  namespaces: [a]", "There are no policies"],
    ["  policies: [P]\n  namespaces: [a]", '"P" cannot be the name of a policy'],
    ["  policies: [p]\n  namespaces: [A]", '"A" cannot be the name of a namespace'],
    ["  policies: [p]\n  namespaces: []", "There are no namespaces"],
    ["  policies: [p]\n  paths: [{ operator: In, values: [] }]", "There are no paths"],
    ["  policies: [p]\n  binaries: [{ operator: NotIn, values: [/a] }]", 'cannot be "NotIn"'],
    ["  policies: [p]\n  binary: [/a]\n  namespaces: [a]", 'There is no field "binary"'],
    ["  policies: [p]\n  expires: tomorrow\n  namespaces: [a]", "expires is"],
    ["  policies: [p]\n  expires: 2027-13-01T00:00:00Z\n  namespaces: [a]", "is no time"],
    [
      "  policies: [p]\n  namespaces: [a]\n  binaries: [{ operator: In, values: [/a], identity: file }]",
      "cannot be used for pods",
    ],
  ])("%j", (spec, message) => {
    expect(problemsOf(exception(spec)).join("\n")).toContain(message);
  });

  it("is told with all its mistakes at their places", () => {
    const text = exception("  policies: [p, X/y/z]\n  paths: [{ operator: Equal, values: [/a] }]");
    expect(problemsOf(text.replace("the backup", "TODO the backup"))).toEqual([
      "6:11 error: The reason still begins with TODO",
      '7:17 error: "X/y/z" cannot be the name of a policy',
      '8:23 error: operator cannot be "Equal"',
    ]);
  });

  it("of a namespace cannot name others", () => {
    const text = exception(
      "  policies: [other/p]\n  namespaces: [a]\n  hostSelector: {}",
      namespaced,
    );
    expect(problemsOf(text)).toEqual([
      expect.stringContaining("cannot name policies of another one"),
      expect.stringContaining("An exception of a namespace cannot have namespaces"),
      expect.stringContaining("cannot select processes of the host"),
    ]);
  });

  it("cannot have the name of another", () => {
    const one = exception("  policies: [p]\n  namespaces: [a]");
    expect(problemsOf(`${one}\n${one}`)).toEqual([
      expect.stringContaining('There are two exceptions of the name "backup"'),
    ]);
  });
});

it("warns of a program that any container can have", () => {
  const binaries = "  policies: [p]\n  binaries: [{ operator: In, values: [/usr/bin/tar] }]";
  const warnings = (spec: string) =>
    checkPolicyFile(exception(spec), { file: "" }).value?.warnings.map(({ message }) => message);
  expect(warnings(binaries)).toEqual([expect.stringContaining("Any container can have a program")]);
  expect(warnings(`${binaries}\n  namespaces: [a]`)).toEqual([]);
  expect(warnings(binaries.replace("] }", "], identity: file }"))).toEqual([]);
});

describe("what an exception chooses", () => {
  const none = { labels: {}, annotations: {} };
  const allowed = { "gander.dev/namespaced-exceptions": "allowed" };
  const cluster = { name: "p", namespace: "", ...none };
  const open = { ...cluster, annotations: allowed };
  const shop = { ...cluster, namespace: "shop" };
  const bank = { ...cluster, namespace: "bank" };
  it.each([
    ["of the cluster", "p", "", [cluster, shop], ["chosen", "not-chosen"]],
    ["of the cluster", "*", "", [cluster, shop], ["chosen", "chosen"]],
    ["of the cluster", "shop/p", "", [cluster, shop, bank], ["not-chosen", "chosen", "not-chosen"]],
    ["of the cluster", "shop/*", "", [cluster, shop, bank], ["not-chosen", "chosen", "not-chosen"]],
    [
      "of shop",
      "p",
      "shop",
      [shop, bank, cluster, open],
      ["chosen", "not-chosen", "not-allowed", "chosen"],
    ],
    [
      "of shop",
      "*",
      "shop",
      [shop, bank, cluster, open],
      ["chosen", "not-chosen", "not-chosen", "chosen"],
    ],
  ] as const)("%s: %s", (_, name, namespace, policies, choices) => {
    const choice = { namespace, policies: { names: [name] } };
    expect(policies.map((one) => choosesPolicy(choice, one))).toEqual(choices);
  });

  it("by labels, of which a tenant's exception takes no policy of the cluster", () => {
    const labels = { matchLabels: { tier: "web" }, matchExpressions: [] };
    const web = { ...cluster, labels: { tier: "web" } };
    const of = (namespace: string, one: typeof cluster) =>
      choosesPolicy({ namespace, policies: { labels } }, one);
    expect(of("", web)).toBe("chosen");
    expect(of("", cluster)).toBe("not-chosen");
    expect(of("shop", web)).toBe("not-chosen");
    expect(of("shop", { ...web, annotations: allowed })).toBe("chosen");
  });
});

describe("a policy with exceptions", () => {
  const spec = `  policies: [p]
  expires: 2027-01-01T00:00:00Z
  namespaces: [shop]
  podSelector: { matchLabels: { app: backup } }
  binaries: [{ operator: In, values: [/usr/bin/tar] }, { operator: Prefix, values: [/opt/backup/] }]
  paths: [{ operator: Prefix, values: [/etc/ssl/] }]`;

  it("has their selectors before its own, one for each alternative of the program", () => {
    const { compiled: one } = applied(policy(onFile) + exception(spec));
    const [first, second, own] = one.hooks[0]?.selectors ?? [];
    expect(first).toEqual({
      index: 1,
      label: "exception backup",
      exception: { name: "backup", namespace: "", expires: Date.UTC(2027, 0, 1) },
      actions: [{ action: "no-post" }],
      ...{ returnFilters: [], returnActions: [] },
      filters: [
        {
          on: "binary",
          negate: false,
          match: "equal",
          followChildren: false,
          paths: ["/usr/bin/tar"],
        },
        {
          on: "workloads",
          workloads: {
            podSelector: {
              matchLabels: { app: "backup" },
              matchExpressions: [
                { key: "k8s:io.kubernetes.pod.namespace", operator: "In", values: ["shop"] },
              ],
            },
            host: false,
          },
        },
        { on: "arg", arg: 0, test: { op: "str-prefix", negate: false, values: ["/etc/ssl/"] } },
      ],
    });
    expect([second?.index, own?.index, own?.exception]).toEqual([2, 0, undefined]);
    expect(one.mode).toBe("enforce");
  });

  it("is another content, the same one whatever the order, and without them the one before", () => {
    const other = exception("  policies: ['*']\n  namespaces: [a]").replace("backup }", "other }");
    const digest = (...exceptions: readonly string[]) =>
      applied(policy(onFile) + exceptions.join("\n")).compiled.digest;
    expect(digest(exception(spec), other)).toBe(digest(other, exception(spec)));
    expect(new Set([digest(), digest(other), digest(exception(spec))]).size).toBe(3);
    expect(digest(exception(spec.replace("[p]", "[q]")))).toBe(digest());
  });

  it("asks for each file of a call, and takes any of the alternatives", () => {
    const two = `    - hook: inode_any
      args: [{ index: 0, type: path }, { index: 1, type: int }, { index: 2, type: file }]`;
    const paths =
      "  paths: [{ operator: In, values: [/a] }, { operator: Postfix, values: [.log] }]";
    const { compiled: one } = applied(policy(two) + exception(`  policies: [p]\n${paths}`));
    const filters = one.hooks[0]?.selectors[0]?.filters ?? [];
    expect(filters.map((filter) => (filter.on === "any" ? filter.of.flat() : []))).toEqual([
      [expect.objectContaining({ arg: 0 }), expect.objectContaining({ arg: 0 })],
      [expect.objectContaining({ arg: 2 }), expect.objectContaining({ arg: 2 })],
    ]);
  });

  it.each([
    [
      "  paths: [{ operator: In, values: [/a] }]",
      "args: [{ index: 0, type: int }]",
      "it has no argument of type file, path, linux_binprm or kiocb",
    ],
    [
      "  paths: [{ operator: In, values: [/a] }]",
      "args: [{ index: 0, type: dentry }, { index: 1, type: file }]",
      "argument 0 of type dentry does not say for certain which file it is",
    ],
    [
      "  paths: [{ operator: In, values: [/a] }]",
      "args: [{ index: 0, type: auto }]",
      "the type of argument 0 is left to the kernel; write it",
    ],
  ])("where one does not apply says why: %s, %s", (restriction, args, why) => {
    const hook = `    - hook: inode_any\n      ${args}\n${onFile}`;
    const checked = applied(policy(hook) + exception(`  policies: [p]\n${restriction}`));
    expect(checked.exceptions?.map(({ state, message }) => ({ state, message }))).toEqual([
      { state: "partly", message: `spec.lsmhooks[0]: ${why}` },
    ]);
    expect(exceptionWarnings(checked).map(({ line, message }) => `${line} ${message}`)).toEqual([
      expect.stringMatching(
        /^\d+ The exception "backup" does not apply to the policy "p" everywhere: spec.lsmhooks/,
      ),
    ]);
    expect(checked.compiled.hooks.map(({ selectors }) => selectors.length)).toEqual([1, 2]);
  });

  it("has none by workloads where nobody knows them", () => {
    const text = policy(onFile) + exception("  policies: [p]\n  namespaces: [a]");
    const [use] = applied(text, "host").exceptions ?? [];
    expect(use?.state).toBe("not-applicable");
    expect(use?.message).toContain("only an operator knows the workloads");
    const { value } = checkPolicy(text, { file: "" });
    expect(value?.[0]?.compiled.hooks[0]?.selectors).toHaveLength(1);
  });

  it("has none by files of the node if it is for pods", () => {
    const file = "  policies: [p]\n  binaries: [{ operator: In, values: [/a], identity: file }]";
    const [use] =
      applied(policy(onFile, undefined, "  podSelector: {}") + exception(file)).exceptions ?? [];
    expect(use?.message).toContain("the policy is for pods");
  });

  it("takes no more selectors than a hook entry can have", () => {
    const many = Array.from({ length: 127 }, () => onFile.slice(onFile.indexOf("{ matchArgs"), -1));
    const hook = onFile.replace(/selectors: .*/, `selectors: [${many.join(", ")}]`);
    const [use] = applied(policy(hook) + exception(spec)).exceptions ?? [];
    expect(use).toMatchObject({ state: "not-applicable" });
    expect(use?.message).toContain("more than 128 selectors");
  });

  it("takes back what another hook decided, where the policy does", () => {
    const hook = `    - hook: file_open
      args: [{ index: 0, type: file }]
      selectors: [{ matchActions: [{ action: CleanupEnforcerNotification }] }]`;
    const more = `  enforcers: [{ calls: [security_file_open] }]
  kprobes: [{ call: sys_mkdir, selectors: [{ matchActions: [{ action: NotifyEnforcer, argError: -1 }] }] }]`;
    const except = exception("  policies: [p]\n  namespaces: [a]");
    const { compiled: one } = applied(policy(hook, undefined, more) + except);
    const actions = one.hooks.map(({ selectors }) =>
      selectors[0]?.actions.map(({ action }) => action),
    );
    expect(actions.slice(0, 2)).toEqual([
      ["no-post"],
      ["no-post", "cleanup-enforcer-notification"],
    ]);
  });
});

describe("an exception of a namespace", () => {
  const own = "  policies: [p]\n  podSelector: { matchLabels: { app: backup } }";
  const allowed =
    "kind: GuardPolicy\nmetadata: { name: p, annotations: { gander.dev/namespaced-exceptions: allowed } }";
  it("is for its pods only, also where its policy is for the cluster", () => {
    const { compiled: one } = applied(policy(onFile, allowed) + exception(own, namespaced));
    expect(one.hooks[0]?.selectors[0]?.filters).toEqual([
      {
        on: "workloads",
        workloads: {
          podSelector: {
            matchLabels: { app: "backup" },
            matchExpressions: [
              { key: "k8s:io.kubernetes.pod.namespace", operator: "In", values: ["shop"] },
            ],
          },
          host: false,
        },
      },
    ]);
  });

  it("does not apply to a policy of the cluster that does not allow it", () => {
    const checked = applied(policy(onFile) + exception(own, namespaced));
    expect(checked.compiled.hooks[0]?.selectors).toHaveLength(1);
    expect(checked.exceptions?.[0]?.message).toContain("namespaced-exceptions: allowed");
  });
});

it("reads an exception that was never a text", () => {
  const object = {
    apiVersion: "gander.dev/v1alpha1",
    kind: "PolicyException",
    metadata: { name: "a" },
    spec: { reason: "x", policies: ["p"], namespaces: ["shop"] },
  };
  expect(checkExceptionObject(object).value?.exception).toMatchObject({ name: "a", namespace: "" });
  expect(compiled(exception("  policies: [p]\n  hostSelector: {}")).workloads).toEqual({
    host: true,
  });
});
