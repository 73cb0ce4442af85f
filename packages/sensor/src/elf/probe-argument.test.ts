// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { readProbeArguments } from "./probe-argument.ts";

const place = {
  address: 0x401010,
  addressOf: (name: string) => (name === "stock" ? 0x602000 : undefined),
};
const read = (text: string) => readProbeArguments(text, place);

const register = { in: "register", skip: 0, size: 8, signed: false };
const memory = { in: "memory", shift: 0, displacement: 0, size: 8, signed: false };

describe("readProbeArguments", () => {
  it.each([
    ["8@%rdi", { ...register, register: "rdi" }],
    ["-4@%edi", { ...register, register: "rdi", size: 4, signed: true }],
    ["2@%di", { ...register, register: "rdi", size: 2 }],
    ["1@%dil", { ...register, register: "rdi", size: 1 }],
    ["-1@%al", { ...register, register: "rax", size: 1, signed: true }],
    ["1@%ah", { ...register, register: "rax", size: 1, skip: 1 }],
    ["1@%bpl", { ...register, register: "rbp", size: 1 }],
    ["4@%r8d", { ...register, register: "r8", size: 4 }],
    ["2@%r15w", { ...register, register: "r15", size: 2 }],
    ["1@%r9b", { ...register, register: "r9", size: 1 }],
    ["4@%ax", { ...register, register: "rax", size: 2 }],
    ["8@%eax", { ...register, register: "rax", size: 4 }],
    ["4@$7", { in: "constant", value: 7n, size: 4 }],
    ["-4@$-7", { in: "constant", value: -7n, size: 4 }],
    ["4@$-1", { in: "constant", value: 0xffffffffn, size: 4 }],
    ["-1@$255", { in: "constant", value: -1n, size: 1 }],
    ["8@$0xffffffffffffffff", { in: "constant", value: 2n ** 64n - 1n, size: 8 }],
    ["8@(%rsi)", { ...memory, base: "rsi" }],
    ["-4@-20(%rbp)", { ...memory, base: "rbp", displacement: -20, size: 4, signed: true }],
    ["8@0x10(%rsp)", { ...memory, base: "rsp", displacement: 16 }],
    ["1@(%rax,%rbx,8)", { ...memory, base: "rax", index: "rbx", shift: 3, size: 1 }],
    ["4@8(%rax,%rbx)", { ...memory, base: "rax", index: "rbx", displacement: 8, size: 4 }],
    ["4@64(,%rbx,4)", { ...memory, index: "rbx", shift: 2, displacement: 64, size: 4 }],
    ["8@stock(%rip)", { ...memory, base: "rip", displacement: 0x200ff0 }],
    ["8@stock+8(%rip)", { ...memory, base: "rip", displacement: 0x200ff8 }],
    ["8@-8+stock(%rip)", { ...memory, base: "rip", displacement: 0x200fe8 }],
  ])("%s", (text, expected) => expect(read(text)).toEqual([expected]));

  it.each([
    ["%edi", /does not say how many bytes/],
    ["-4@", /does not say how many bytes/],
    ["3@%edi", /has 3 bytes, not 1, 2, 4 or 8/],
    ["16@%xmm0", /floating-point/],
    ["8@%xmm0", /floating-point/],
    ["8f@-8(%rbp)", /floating-point/],
    ["8@%st", /st is no register for whole numbers/],
    ["8@%rip", /rip is no register for whole numbers/],
    ["4@$stock", /constant is no number/],
    ["4@$123456789012345678901", /constant is no number/],
    ["4@stock", /neither a constant, a register nor memory/],
    ["8@%fs:16(%rax)", /no register for whole numbers/],
    ["8@fs:16(%rax)", /segment of its own/],
    ["8@other(%rip)", /do not say where other is/],
    ["8@stock@GOTPCREL(%rip)", /not that of one variable/],
    ["8@16(%rip)", /not that of one variable/],
    ["8@stock-other(%rip)", /not that of one variable/],
    ["8@stock(%rax)", /no number of 32 bits/],
    ["8@0x80000000(%rax)", /no number of 32 bits/],
    ["8@(%eax)", /not that of a whole register/],
    ["8@8()", /not that of a whole register/],
    ["8@(%rax,%rbx,3)", /not that of a whole register/],
    ["8@(%rax,%rbx,8,1)", /not that of a whole register/],
    ["8@((%rax))", /neither a constant, a register nor memory/],
  ])("%s cannot be read", (text, why) =>
    expect(read(text)).toEqual([{ in: "nothing", text, why: expect.stringMatching(why) }]),
  );

  it("keeps positions, and reads no more than there can be", () => {
    expect(read(" -4@%edi 8@%xmm0\t1@$2 ").map((arg) => arg.in)).toEqual([
      "register",
      "nothing",
      "constant",
    ]);
    expect(read("")).toEqual([]);
    expect(read("4@$1 ".repeat(20)).length).toBe(12);
  });
});
