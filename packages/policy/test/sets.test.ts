// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { explainPolicy } from "../src/explain/index.ts";
import {
  checkPolicy,
  checkPolicyFile,
  checkPolicyObject,
  checkSetObject,
  resolveSets,
  setsOfHooks,
} from "../src/index.ts";

const set = (name: string, values: readonly unknown[], more = "") => `---
apiVersion: gander.dev/v1alpha1
kind: ValueSet
metadata: { name: ${name} }
spec:
  values: ${JSON.stringify(values)}
${more}`;

const head = (kind: string) => `---
apiVersion: ${kind.startsWith("Guard") ? "gander.dev" : "cilium.io"}/v1alpha1
kind: ${kind}
metadata: { name: a }
spec:
`;

/** A policy with one filter on an argument of a type. */
const onArg = (type: string, filter: string, kind = "GuardPolicy") => `${head(kind)}
  kprobes:
    - call: security_any
      syscall: false
      args: [{ index: 0, type: ${type} }]
      selectors:
        - matchArgs:
            - { index: 0, ${filter} }
`;

/** A policy with another filter. */
const onExec = (field: string, filter: string, kind = "GuardPolicy") => `${head(kind)}
  lsmhooks:
    - hook: bprm_check_security
      args: [{ index: 0, type: linux_binprm }]
      selectors:
        - ${field}:
            - ${filter}
`;

const messagesOf = (text: string) =>
  (checkPolicy(text, { file: "a.yaml" }).problems ?? []).map(
    ({ line, column, code, message }) => `${line}:${column} ${code} ${message}`,
  );

const filtersOf = (text: string) => {
  const { value, problems } = checkPolicy(text, { file: "a.yaml" });
  expect(problems).toBeUndefined();
  const selectors = value?.[0]?.compiled.hooks[0]?.selectors ?? [];
  return selectors.flatMap(({ filters }) => filters);
};

describe("a policy with sets is the policy with their values", () => {
  it.each([
    [
      "path",
      `operator: Prefix, values: ["set:a", /x]`,
      `operator: Prefix, values: [/x, /p, /q]`,
      ["/p", "/q"],
    ],
    [
      "sock",
      `operator: DAddr, values: ["set:a"]`,
      `operator: DAddr, values: [10.0.0.0/8, "::1"]`,
      ["10.0.0.0/8", "::1"],
    ],
    [
      "sock",
      `operator: NotDPort, values: ["set:a", "22"]`,
      `operator: NotDPort, values: ["22", "443", "8000:8100"]`,
      ["443", "8000:8100"],
    ],
    [
      "int",
      `operator: Equal, values: ["set:a"]`,
      `operator: Equal, values: ["1", "2"]`,
      ["1", "0x2"],
    ],
    [
      "string",
      `operator: SubStringIgnCase, values: ["set:a"]`,
      `operator: SubStringIgnCase, values: [Abc]`,
      ["Abc"],
    ],
    [
      "string",
      `operator: Equal, values: ["set::a", "set:a"]`,
      `operator: Equal, values: ["set::a", "set::b"]`,
      ["set::b"],
    ],
    [
      "auto",
      `operator: Equal, values: ["7", "set:a"]`,
      `operator: Equal, values: ["7", "8"]`,
      ["8"],
    ],
  ])("argument of type %s: %s", (type, named, written, values) => {
    expect(filtersOf(onArg(type, named) + set("a", values))).toEqual(
      filtersOf(onArg(type, written)),
    );
  });

  it.each([
    [
      "matchBinaries",
      `{ operator: In, values: ["set:a", /x], followChildren: true }`,
      `{ operator: In, values: [/x, /p, /q], followChildren: true }`,
    ],
    [
      "matchBinaries",
      `{ operator: NotPostfix, values: ["set:a"] }`,
      `{ operator: NotPostfix, values: [/p, /q] }`,
    ],
    [
      "matchBinaries",
      `{ operator: In, values: ["set:a"], ancestors: true }`,
      `{ operator: In, values: [/p, /q], ancestors: true }`,
    ],
    [
      "matchParentBinaries",
      `{ operator: In, values: ["set:a"], ancestors: true }`,
      `{ operator: In, values: [/p, /q], ancestors: true }`,
    ],
    [
      "matchExecArgs",
      `{ index: 1, operator: NotEqual, values: ["set:a", x] }`,
      `{ index: 1, operator: NotEqual, values: [x, /p, /q] }`,
    ],
    [
      "matchExecArgs",
      `{ operator: SubStringIgnCase, values: ["set:a"] }`,
      `{ operator: SubStringIgnCase, values: [/P, /q] }`,
    ],
    [
      "matchExecEnv",
      `{ names: [A], operator: Prefix, values: ["set:a"] }`,
      `{ names: [A], operator: Prefix, values: [/p, /q] }`,
    ],
  ])("%s %s", (field, named, written) => {
    expect(filtersOf(onExec(field, named) + set("a", ["/q", "/p", "/q"]))).toEqual(
      filtersOf(onExec(field, written)),
    );
  });
});

describe("refused, with its place", () => {
  it.each([
    [
      "a set that does not exist",
      onArg("path", `operator: Prefix, values: ["/x", "set:b"]`) + set("a", ["/p"]),
      [`13:60 policy-unknown-set There is no ValueSet "b"`],
    ],
    [
      "a set that only a cluster has",
      onArg("sock", `operator: DAddr, values: ["set:kubernetes/api-server"]`),
      [
        `13:53 policy-unknown-set The set "kubernetes/api-server" is known in a cluster only, where the operator fills it`,
      ],
    ],
    [
      "names that no set has",
      onArg(
        "sock",
        `operator: DAddr, values: [1.2.3.4, "set:", "set:A", "set:kubernetes/pods", "set:kubernetes/service/x"]`,
      ),
      [
        `13:62 policy-bad-value "set:" does not name a set`,
        `13:70 policy-bad-value "set:A" does not name a set`,
        `13:79 policy-bad-value "set:kubernetes/pods" does not name a set`,
        `13:102 policy-bad-value "set:kubernetes/service/x" does not name a set`,
      ],
    ],
    [
      "names that no Service and no namespace has",
      onArg(
        "sock",
        `operator: DAddr, values: ["set:kubernetes/service/a/${"s".repeat(63)}", "set:kubernetes/service/a/${"s".repeat(64)}", "set:kubernetes/service/a/b.c", "set:kubernetes/service/a.b/c", "set:kubernetes/service/a/b/c"]`,
      ),
      [
        `13:145 policy-bad-value "set:kubernetes/service/a/${"s".repeat(55)}…" does not name a set`,
        `13:238 policy-bad-value "set:kubernetes/service/a/b.c" does not name a set`,
        `13:270 policy-bad-value "set:kubernetes/service/a.b/c" does not name a set`,
        `13:302 policy-bad-value "set:kubernetes/service/a/b/c" does not name a set`,
      ],
    ],
    [
      "a set beside a type that only kernels know, in a policy of a namespace",
      onArg("auto", `operator: Equal, values: ["7", "set:a"]`, "GuardPolicyNamespaced") +
        set("a", ["8"]),
      [
        "13:52 policy-rule A policy of a namespace cannot name a set where it leaves the type to the kernel",
      ],
    ],
    [
      "values that do not suit the filter",
      onArg("sock", `operator: DAddr, values: ["set:a"]`) +
        set("a", ["10.0.0.0/8", "/etc/passwd", "x"]),
      [
        `13:53 policy-bad-value Value 2 of the ValueSet "a" (a.yaml:19:25): "/etc/passwd" is not an address`,
        `13:53 policy-bad-value Value 3 of the ValueSet "a" (a.yaml:19:39): "x" is not an address`,
      ],
    ],
    [
      "more values than a filter has",
      onArg("int", `operator: InMap, values: ["set:a", "set:b"]`) +
        set(
          "a",
          Array.from({ length: 8000 }, (_, i) => `${i}`),
        ) +
        set(
          "b",
          Array.from({ length: 8000 }, (_, i) => `${i + 8000}`),
        ),
      ["13:53 policy-out-of-bounds The filter has 16000 values; 8192 are possible"],
    ],
    [
      "an operator that does not fit the argument",
      onArg("path", `operator: DAddr, values: ["set:a"]`) + set("a", ["10.0.0.0/8"]),
      ["13:37 policy-operator-type DAddr cannot be applied to an argument of type path"],
    ],
    [
      "an own value that is wrong, at its place",
      onArg("sock", `operator: DAddr, values: ["set:a", "1.2.3.4", "nonsense"]`) +
        set("a", ["10.0.0.0/8"]),
      [`13:73 policy-bad-value "nonsense" is not an address`],
    ],
    [
      "filters without sets",
      onExec("matchCapabilities", `{ operator: In, values: ["set:a"] }`) +
        set("a", ["CAP_SYS_ADMIN"]),
      ["12:40 policy-rule This filter cannot name a set"],
    ],
    [
      "sets of files by identity",
      onExec("matchBinaries", `{ operator: In, values: ["set:a"], identity: file }`) +
        set("a", ["/bin/sh"]),
      ["12:60 policy-not-supported `identity: file` together with a set is not supported yet"],
    ],
    [
      "a TracingPolicy that names a set where no value can begin so",
      onArg("sock", `operator: DAddr, values: ["set:a"]`, "TracingPolicy"),
      [`13:53 policy-rule "set:a" names a set, which this kind of policy has not`],
    ],
    [
      "the same with the beginning of a path",
      onArg("path", `operator: Prefix, values: ["set:a"]`, "TracingPolicy"),
      [`13:54 policy-rule "set:a" names a set, which this kind of policy has not`],
    ],
    [
      "the same with a program",
      onExec("matchBinaries", `{ operator: In, values: [/x, "set:a"] }`, "TracingPolicy"),
      [`12:44 policy-rule "set:a" names a set, which this kind of policy has not`],
    ],
  ])("%s", (_, text, expected) => {
    expect(messagesOf(text)).toEqual(expected);
  });

  it.each([
    ["no values", set("a", []), "policy-missing-field"],
    ["values that are no texts", set("a", [7]), "policy-wrong-type"],
    ["a set in a set", set("a", ["set:b"]), "policy-bad-value"],
    ["a field that it has not", set("a", ["x"], "  vlaues: [x]\n"), "policy-unknown-field"],
    ["a name that it cannot have", set("kubernetes/dns", ["x"]), "policy-bad-name"],
    ["another version", set("a", ["x"]).replace("gander.dev", "cilium.io"), "policy-unknown-value"],
    ["too many values", set("a", Array(8193).fill("x")), "policy-out-of-bounds"],
    ["too long values", set("a", ["x".repeat(4097)]), "policy-bad-value"],
    ["two of a name", set("a", ["x"]) + set("a", ["x"]), "policy-bad-name"],
    ["a misspelt kind", set("a", ["x"]).replace("ValueSet", "ValuesSet"), "policy-unknown-value"],
  ])("a ValueSet with %s", (_, text, code) => {
    const { problems = [] } = checkPolicyFile(text, { file: "a" });
    expect(problems.map((problem) => problem.code)).toContain(code);
    expect(problems.every(({ line }) => line > 0)).toBe(true);
  });
});

it("a policy of a namespace is told nothing of a set but its name and which value is wrong", () => {
  const text = (kind: string) =>
    onArg("sock", `operator: DAddr, values: ["set:a"]`, kind) + set("a", ["10.0.0.0/8", "s3cret"]);
  expect(messagesOf(text("GuardPolicy"))).toEqual([
    `13:53 policy-bad-value Value 2 of the ValueSet "a" (a.yaml:19:25): "s3cret" is not an address`,
  ]);
  expect(messagesOf(text("GuardPolicyNamespaced"))).toEqual([
    `13:53 policy-bad-value Value 2 of the ValueSet "a" (a.yaml:19:25): This filter cannot compare with it`,
  ]);
  const wild = (kind: string) =>
    onArg("path", `operator: Equal, values: ["set:a"]`, kind) + set("a", ["/s3cret/*"]);
  const warnings = (kind: string) =>
    JSON.stringify(checkPolicy(wild(kind), { file: "a" }).value?.map((one) => one.warnings));
  expect(warnings("GuardPolicy")).toContain("s3cret");
  expect(warnings("GuardPolicyNamespaced")).not.toContain("s3cret");
});

it("a TracingPolicy compares texts with what is written", () => {
  expect(filtersOf(onArg("string", `operator: Equal, values: ["set:a"]`, "TracingPolicy"))).toEqual(
    [{ on: "arg", arg: 0, test: { op: "str-equal", negate: false, values: ["set:a"] } }],
  );
  expect(
    filtersOf(onArg("path", `operator: Postfix, values: ["set:a"]`, "TracingPolicy")),
  ).toHaveLength(1);
});

it("the digest of a resolved policy changes with its sets, that of the named one does not", () => {
  const text = (values: readonly string[]) =>
    onArg("path", `operator: Prefix, values: ["set:a"]`) + set("a", values);
  const read = (values: readonly string[]) => {
    const [policy] = checkPolicy(text(values), { file: "a" }).value ?? [];
    return [policy?.compiled.digest, policy?.named?.digest] as const;
  };
  const [one, other, again] = [read(["/x"]), read(["/y"]), read(["/x"])];
  expect(one).toEqual(again);
  expect(one[0]).not.toBe(other[0]);
  expect(one[1]).toBe(other[1]);
});

it("an object names its sets; whoever puts it in force resolves them", () => {
  const metadata = { name: "a" };
  const object = {
    apiVersion: "gander.dev/v1alpha1",
    kind: "GuardPolicy",
    metadata,
    spec: {
      lsmhooks: [
        {
          hook: "bprm_check_security",
          selectors: [{ matchBinaries: [{ operator: "In", values: ["set:shells", "set:a"] }] }],
        },
      ],
    },
  };
  const policy = checkPolicyObject(object).value?.compiled;
  if (policy === undefined) throw new Error("it is refused");
  expect(setsOfHooks(policy.hooks)).toEqual(["a", "shells"]);
  const kind = { apiVersion: "gander.dev/v1alpha1", kind: "ValueSet", metadata };
  const { value: shells } = checkSetObject({ ...kind, spec: { values: ["/bin/sh"] } });
  expect(shells?.values).toEqual(["/bin/sh"]);
  const sets = new Map([["a", { values: ["/bin/a"] }]]);
  expect(resolveSets(policy, (name) => sets.get(name))).toMatchObject({
    problems: [{ set: "shells", code: "policy-unknown-set" }],
  });
  if (shells) sets.set("shells", { values: [...shells.values] });
  const resolved = resolveSets(policy, (name) => sets.get(name)).value;
  expect(resolved?.hooks[0]?.selectors[0]?.filters).toEqual([
    {
      on: "binary",
      negate: false,
      match: "equal",
      followChildren: false,
      paths: ["/bin/a", "/bin/sh"],
    },
  ]);
});

it("an explanation shows the names of sets", () => {
  const text =
    onArg("sock", `operator: DAddr, values: ["set:cloud", 10.0.0.0/8]`) + set("cloud", ["1.2.3.4"]);
  const [policy] = checkPolicy(text, { file: "a" }).value ?? [];
  if (policy === undefined) throw new Error("it is refused");
  const said = JSON.stringify(explainPolicy(policy.compiled, policy.named));
  expect(said).toContain("set:cloud");
  expect(said).not.toContain("1.2.3.4");
});

it("a small policy does not become a large one by its sets", () => {
  const filter = '- matchArgs: [{ index: 0, operator: Prefix, values: ["set:a"] }]';
  const values = Array.from({ length: 1000 }, (_, i) => `/${i}`);
  const policy = (count: number) => `${head("GuardPolicy")}
  kprobes:
    - call: security_any
      syscall: false
      args: [{ index: 0, type: path }]
      selectors:
        ${Array(count).fill(filter).join("\n        ")}
${set("a", values)}`;
  expect(messagesOf(policy(65))).toEqual([]);
  expect(messagesOf(policy(66))).toEqual([
    expect.stringContaining("in all filters of the policy have more than 65536 values"),
  ]);
});

it("a policy has at most 16 sets that the operator fills", () => {
  const names = (count: number) =>
    Array.from({ length: count }, (_, i) => `"set:kubernetes/service/a/s${i}"`).join();
  const errors = (count: number) =>
    messagesOf(onArg("sock", `operator: DAddr, values: [${names(count)}]`)).filter((one) =>
      one.includes("policy-out-of-bounds"),
    );
  expect(errors(16)).toEqual([]);
  expect(errors(17)).toEqual([expect.stringContaining("names 17 sets that the operator fills")]);
});

it("a policy that counts names no sets", () => {
  const counted = `${onArg("path", 'operator: Prefix, values: ["set:a"]')}          matchCount: { atLeast: 2, within: 10s }
`;
  expect(messagesOf(counted + set("a", ["/x"]))).toEqual([
    expect.stringContaining("A policy with matchCount cannot name sets"),
  ]);
});

it("calls that are denied are not counted by what they return", () => {
  const counted = (actions: string) => `${head("GuardPolicy")}
  kprobes:
    - call: security_any
      syscall: false
      return: true
      returnArg: { index: 0, type: int }
      selectors:
        - matchReturnArgs: [{ operator: Equal, values: ["-13"] }]
          matchCount: { atLeast: 2, within: 10s }
          ${actions}: [{ action: Sigkill }]
`;
  expect(messagesOf(counted("matchActions"))).toEqual([
    expect.stringContaining("matchCount cannot count by return values"),
  ]);
  expect(messagesOf(counted("matchReturnActions"))).toEqual([]);
});
