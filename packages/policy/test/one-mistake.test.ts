// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../src/index.ts";

const file = "args: [{index: 0, type: file}]";
const kprobe = (more: string, call = "security_file_permission") =>
  `kprobes: [{call: ${call}, syscall: false, ${more}}]`;
const onFile = "selectors: [{matchArgs: [{index: 0, operator: Equal, values: [/a]}]}]";
const onExpression = `selectors: [{matchArgs: [{operator: CelExpr, values: ["arg0 == '/a'"]}]}]`;
const untrack = "{action: UntrackSock, argSock: 1}";
const onReturn = 'selectors: [{matchReturnArgs: [{index: 0, operator: Equal, values: ["1"]}]}]';
const notify =
  "tracepoints: [{subsystem: raw_syscalls, event: sys_enter, selectors: [{matchPIDs: [{operator: In, values: [1]}], matchActions: [{action: NotifyEnforcer, argError: -1}]}]}]";
const kill = "matchActions: [{action: Sigkill}]";
const ofPid = "{matchPIDs: [{operator: In, values: [1]}]}";

/** Each has one mistake. What follows from it is no second one: a reader would correct it twice. */
describe("one mistake is one problem", () => {
  it.each([
    ['loader: "true"', "loader"],
    ["kprobes: {call: sys_dup}", "kprobes"],
    ["kprobe: [{call: sys_dup}]", "kprobe"],
    ["kprobes: null", "kprobes"],
    ["kprobes: [{calls: sys_dup}]", "kprobes[0].calls"],
    ["lsmhooks: [{call: file_open}]", "lsmhooks[0].call"],
    ["uprobes: [{path: /bin/bash, symbol: main}]", "uprobes[0].symbol"],
    ["uprobes: [{path: /bin/bash, symbols: main}]", "uprobes[0].symbols"],
    ['lists: {name: x}, kprobes: [{call: "list:x"}]', "lists"],
    ['lists: [{names: x, values: [sys_dup]}], kprobes: [{call: "list:x"}]', "lists[0].names"],
    ['list: [{name: x, values: [a]}], kprobes: [{call: "list:x"}]', "list"],
    [`lists: [{name: x, pattern: "^vfs_"}], ${kprobe("", '"list:x"')}`, "lists[0].pattern"],
    [
      `lists: [{name: x, type: generated_ftrace, values: [a]}], ${kprobe("", '"list:x"')}`,
      "lists[0].values",
    ],
    [
      'lists: [{name: x, type: syscalls, values: [arm64/sys_dup]}], kprobes: [{call: "list:x"}]',
      "lists[0].values",
    ],
    [kprobe(`args: [{index: 0, type: [file]}], ${onFile}`), "kprobes[0].args[0].type"],
    [kprobe(`args: [{idx: 0, type: file}], ${onFile}`), "kprobes[0].args[0].idx"],
    [kprobe(`arg: [{index: 0, type: file}], ${onFile}`), "kprobes[0].arg"],
    [kprobe(`args: {index: 0, type: file}, ${onFile}`), "kprobes[0].args"],
    [`selectorsMacros: [m], ${kprobe("selectors: [{macros: [m]}]")}`, "selectorsMacros"],
    [`selectorMacros: {m: ${ofPid}}, ${kprobe("selectors: [{macros: [m]}]")}`, "selectorMacros"],
    [kprobe(`return: "true", returnArg: {index: 0, type: int}, ${onReturn}`), "kprobes[0].return"],
    [
      kprobe(`return: true, returnArg: {index: 0, type: odd}, ${onReturn}`),
      "kprobes[0].returnArg.type",
    ],
    [kprobe(`return: true, ${onReturn}`), "kprobes[0].return"],
    [
      kprobe(`return: true, returnArgs: {index: 0, type: int}, ${onReturn}`),
      "kprobes[0].returnArgs",
    ],
    [
      kprobe(`returnArg: {index: 0, type: int}, ${onReturn}`),
      "kprobes[0].selectors[0].matchReturnArgs[0]",
    ],
    [`kprobes: [{call: security_file_permission, ${file}, ${onFile}}]`, "kprobes[0].call"],
    [`kprobes: [{call: a, syscall: "false", ${file}}]`, "kprobes[0].syscall"],
    [`kprobes: [{call: a, syscalls: false, ${file}}]`, "kprobes[0].syscalls"],
    [`kprobes: [{cal: a, syscall: false, ${file}}]`, "kprobes[0].cal"],
    [`enforcers: [{call: [sys_dup]}], ${notify}`, "enforcers[0].call"],
    [`enforcer: [{calls: [sys_dup]}], ${notify}`, "enforcer"],
    [`enforcers: {calls: [sys_dup]}, ${notify}`, "enforcers"],
    [
      `enforcers: [{calls: [sys_dup]}], ${notify.replace("tracepoints", "tracepoint")}`,
      "tracepoint",
    ],
    [
      `enforcers: [{calls: [sys_dup]}], ${notify.replace(/Actions: \[(.*?)\]/, "Actions: $1")}`,
      "tracepoints[0].selectors[0].matchActions",
    ],
    [kprobe(`argszz: [{index: 0, type: file}], ${onExpression}`), "kprobes[0].argszz"],
    [kprobe(`args: [{index: 0, type: filee}], ${onExpression}`), "kprobes[0].args[0].type"],
    [kprobe(`args: [x], selectors: [{matchActions: [${untrack}]}]`), "kprobes[0].args[0]"],
    [
      kprobe(`args: [{index: 1, typ: sock}], selectors: [{matchActions: [${untrack}]}]`),
      "kprobes[0].args[0].typ",
    ],
    [
      "usdts: [{path: /a, provider: b, name: c, args: [{index: 0, type: it}], selectors: [{matchPIDs: [{operator: In, values: [1]}], matchActions: [{action: Set, argIndex: 0, argValue: 1}]}]}]",
      "usdts[0].args[0].type",
    ],
    // A filter without entries is none.
    [kprobe(`selectors: [{matchArgs: [], ${kill}}]`), "kprobes[0].selectors[0]"],
  ])("%s", (spec, path) => {
    const text = `{apiVersion: cilium.io/v1alpha1, kind: TracingPolicy, metadata: {name: a}, spec: {${spec}}}`;
    const { value, problems } = checkPolicy(text, { file: "a" });
    const found = problems ?? value?.flatMap(({ warnings }) => warnings) ?? [];
    expect(found.map((problem) => problem.path)).toEqual([`spec.${path}`]);
  });
});

it("all mistakes are reported at once", () => {
  const spec = `kprobe: [], loader: 1, lists: [{names: x}], ${kprobe(`arg: [], ${onFile}, retrn: true`)}, enforcers: [{calls: [tcp_connect]}]`;
  const text = `{apiVersion: cilium.io/v1alpha1, kind: TracingPolicy, metadata: {nam: a}, spec: {${spec}}}`;
  const { problems = [] } = checkPolicy(text, { file: "a" });
  expect(problems.map((problem) => problem.path)).toEqual([
    "metadata.nam",
    "spec.kprobe",
    "spec.loader",
    "spec.lists[0].names",
    "spec.kprobes[0].arg",
    "spec.kprobes[0].retrn",
    "spec.enforcers",
    "spec.enforcers[0].calls[0]",
  ]);
});
