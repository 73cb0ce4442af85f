// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../check-policy.ts";
import { explainPolicy } from "./explain-policy.ts";

/** One hook as flow YAML → its explanation. */
function explain(section: string, hook: string) {
  const text = `apiVersion: gander.dev/v1alpha1
kind: GuardPolicy
metadata: {name: tried}
spec: {${section}: [${hook}]}
`;
  const { value, problems } = checkPolicy(text, { file: "" });
  expect(problems).toBeUndefined();
  const explained = value?.[0] && explainPolicy(value[0].compiled).hooks[0];
  if (explained === undefined) throw new Error("no hook");
  return explained;
}

const conditions = (selector: string) =>
  explain(
    "lsmhooks",
    `{hook: socket_connect, args: [{index: 1, type: sockaddr}], selectors: [{${selector}}]}`,
  ).rules.flatMap((rule) => rule.conditions);

describe("conditions in sentences", () => {
  it.each([
    ["In, values: [layer, memory, unlinked]", "is layer, memory or unlinked"],
    ["In, values: [memory, layer]", "is layer or memory"],
    ["In, values: [unlinked]", "is unlinked"],
    ["In, values: [image, volume]", "is image or volume"],
    ["In, values: [image, layer, memory, volume]", "is image, layer, memory or volume"],
    ["NotIn, values: [image]", "is not image"],
  ])("origin of a program: %s", (filter, says) =>
    expect(conditions(`matchProcess: [{property: Origin, operator: ${filter}}]`)).toEqual([
      `the origin of the process's program ${says}`,
    ]),
  );

  it.each([
    [
      "NotIn, values: [1]",
      "the process does not descend from its container's first process (on the host: from the host's, as only what the kernel itself starts)",
    ],
    [
      "NotIn, values: [0, 1]",
      "the process is in a container and does not descend from the container's first process",
    ],
    [
      "In, values: [0, 1]",
      "the process is in the host's pid namespace or descends from its container's first process",
    ],
    [
      "NotIn, values: [0]",
      "the process is not in the host's pid namespace (outside of containers)",
    ],
  ])("first processes: %s", (filter, says) =>
    expect(
      conditions(`matchPIDs: [{operator: ${filter}, isNamespacePID: true, followForks: true}]`),
    ).toEqual([says]),
  );

  it.each([
    ["NotSAddr, values: [10.0.0.0/8]", "the address in argument 1 (sockaddr) is not in 10.0.0.0/8"],
    ['SPort, values: ["22"]', "the port in argument 1 (sockaddr) is 22"],
  ])("a socket's address: %s", (filter, says) =>
    expect(conditions(`matchArgs: [{index: 1, operator: ${filter}}]`)).toEqual([says]),
  );

  it.each([
    ["arg0 == arg1", "argument 1 (int) is argument 2 (uint32)"],
    ["arg0 != arg1", "argument 1 (int) is not argument 2 (uint32)"],
    ["arg1 > arg0", "argument 1 (int) is less than argument 2 (uint32)"],
    ["arg0 > arg1", "argument 1 (int) is greater than argument 2 (uint32)"],
    ["arg0 + 4 < arg1", "argument 1 (int) minus argument 2 (uint32) is at most -5"],
    ["int32(arg1) + arg0 == 5 && arg1 < 9", "argument 1 (int) plus argument 2 (uint32) is 5"],
  ])("two arguments: %s", (expression, says) =>
    expect(
      explain(
        "kprobes",
        `{call: f, syscall: false, args: [{index: 1, type: int}, {index: 2, type: uint32}], selectors: [{matchArgs: [{operator: CelExpr, values: ["${expression}"]}]}]}`,
      ).rules.flatMap(({ conditions: [condition] }) => condition?.split(" and ").at(-1)),
    ).toEqual([says]),
  );
});

it("calls that are counted", () =>
  expect(conditions("matchCount: {atLeast: 20, within: 2m, per: container}")).toEqual([
    "it is at least call number 20 within 120 s for which all of this holds, counted for each container together",
  ]));

describe("system calls", () => {
  it.each([
    ["sys_dup, sys_mount", "32-bit calls and io_uring"],
    ["i386/sys_dup", "64-bit calls and io_uring"],
    ["sys_dup, i386/sys_dup", "and io_uring"],
    ["sys_dup, i386/sys_dup, sys_mount", "32-bit calls of sys_mount, and io_uring"],
    ["i386/sys_mount, sys_dup", "32-bit calls of sys_dup, 64-bit calls of sys_mount, and io_uring"],
  ])("of a list with %s: what is not seen", (values, says) => {
    const lists = `lists: [{name: some, type: syscalls, values: [${values}]}], kprobes`;
    const [first] = explain(lists, '{call: "list:some"}').blindSpots;
    expect(first?.says).toBe(`Other system calls to the same end, ${says}.`);
  });

  const inMemory = /reads texts of the process again/;
  const seek = (more = "") =>
    explain("kprobes", `{call: sys_lseek, args: [{index: 0, type: string}]${more}}`).blindSpots;

  it("are said to read texts again where one is compared", () => {
    expect(seek().map(({ says }) => says)).not.toContainEqual(expect.stringMatching(inMemory));
    expect(
      seek(", selectors: [{matchArgs: [{index: 0, operator: Prefix, values: [/etc/]}]}]").map(
        ({ says }) => says,
      ),
    ).toContainEqual(expect.stringMatching(inMemory));
  });

  it("have no check behind them that nobody knows", () =>
    expect(seek().map(({ instead }) => instead)).not.toContainEqual(
      expect.stringContaining("security_"),
    ));
});
