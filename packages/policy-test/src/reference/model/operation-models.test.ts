// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { type OperationName, operations } from "../../operations.ts";
import type { TestCase } from "../../policy-test.ts";
import { calledHooks } from "../called-hooks.ts";
import { knownHooks } from "./operation-models.ts";

/** An argument of each kind, by the name that operations.ts gives it. */
const values: Readonly<Record<string, string>> = {
  ...{ user: "1000", mode: "0600", "c or b": "c", major: "1", minor: "3" },
  ...{ address: "10.0.0.1:80", family: "inet", kind: "user", "NAME=value": "A=b" },
};

const withAll = (name: OperationName): TestCase => ({
  ...{ name, line: 1, files: {}, modes: {}, volumes: {}, mounts: {}, given: [], expect: "allowed" },
  do: {
    name,
    args: operations[name].map((arg: string) => values[arg.replace("…", "")] ?? "/usr/bin/true"),
  },
});

it("calls hooks that the model says it knows, and each of them in some operation", () => {
  const called = (Object.keys(operations) as OperationName[]).flatMap((name) => {
    const { surely, perhaps } = calledHooks(withAll(name));
    expect(surely.size, name).toBeGreaterThan(0);
    return [...surely, ...perhaps];
  });
  expect([...new Set(called)].toSorted()).toEqual([...knownHooks].toSorted());
});
