// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Assignment, assignmentText } from "../language/assignment.ts";
import { isAssignable, registerParts } from "../language/registers.ts";
import { parseAssignment } from "./compile-registers.ts";

describe("parseAssignment", () => {
  it.each<[string, Assignment]>([
    ["rax=11", { to: "rax", add: 11n }],
    ["RAX = -1", { to: "rax", add: -1n }],
    ["r8d=0x20", { to: "r8d", add: 32n }],
    ["rax=0xffffffffffffffff", { to: "rax", add: 2n ** 64n - 1n }],
    ["rbp=%rsp", { to: "rbp", from: "rsp", add: 0n }],
    ["rsp=8%rsp", { to: "rsp", from: "rsp", add: 8n }],
    ["rip = 010 %rdi", { to: "rip", from: "rdi", add: 8n }],
    ["rbp=(%rsp)", { to: "rbp", from: "rsp", inMemory: true, add: 0n }],
    ["rip=-1372( %rbp )", { to: "rip", from: "rbp", inMemory: true, add: -1372n }],
    ["eax=%eflags", { to: "eax", from: "eflags", add: 0n }],
  ])("%s", (text, expected) => {
    expect(parseAssignment(text)).toMatchObject({ ok: expected });
  });

  it.each([
    "",
    "rax",
    "=1",
    "rax=",
    "rax=%",
    "rax=(rsp)",
    "rax=8(%rsp",
    "rax=8(%rsp)1",
    "rax=%rsp+8",
    "rax=1 2",
    "xmm0=1",
    "rax=%xmm0",
    "cs=1",
    "ss=1",
    "eflags=1",
    "orig_rax=1",
    "rax=-0x8000000000000001",
    "rax=1\nrbx=2",
  ])("refuses %j", (text) => {
    expect(parseAssignment(text)).toHaveProperty("wrong");
  });

  it("reads what is written for people", () => {
    const names = [...registerParts.keys()];
    const targets = names.filter((name) => isAssignable(registerParts.get(name)?.register ?? "cs"));
    const assignment = fc.record(
      {
        to: fc.constantFrom(...targets),
        from: fc.constantFrom(...names),
        inMemory: fc.constant(true as const),
        add: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      },
      { requiredKeys: ["to", "add"] },
    );
    fc.assert(
      fc.property(assignment, ({ inMemory, ...rest }) => {
        const one: Assignment = {
          ...rest,
          ...(inMemory && rest.from !== undefined ? { inMemory } : {}),
        };
        expect(parseAssignment(assignmentText(one))).toEqual({ ok: one });
      }),
    );
  });
});
