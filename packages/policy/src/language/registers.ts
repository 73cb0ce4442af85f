// SPDX-License-Identifier: Apache-2.0

/** Registers of x86-64 by their offset in the kernel's struct pt_regs (asm/ptrace.h). */
export const registerOffsets = {
  r15: 0,
  r14: 8,
  r13: 16,
  r12: 24,
  rbp: 32,
  rbx: 40,
  r11: 48,
  r10: 56,
  r9: 64,
  r8: 72,
  rax: 80,
  rcx: 88,
  rdx: 96,
  rsi: 104,
  rdi: 112,
  orig_rax: 120,
  rip: 128,
  cs: 136,
  eflags: 144,
  rsp: 152,
  ss: 160,
} as const;
export type RegisterName = keyof typeof registerOffsets;

/** What an action may change: the registers that programs compute with, the stack's, and where the program goes on. */
const fixedRegisters: ReadonlySet<RegisterName> = new Set(["orig_rax", "cs", "eflags", "ss"]);
export const isAssignable = (register: RegisterName): boolean => !fixedRegisters.has(register);

/** A register, or a part of one. */
export type RegisterPart = {
  readonly register: RegisterName;
  readonly size: 1 | 2 | 4 | 8;
  /** The register's bytes below (1: ah and the like). */
  readonly skip: 0 | 1;
};

/** By the names that assemblers have for them: rax, eax, ax, al, ah. */
export const registerParts: ReadonlyMap<string, RegisterPart> = new Map(
  (Object.keys(registerOffsets) as RegisterName[]).flatMap((register) => {
    const named = (name: string, size: RegisterPart["size"], skip: 0 | 1 = 0) =>
      [name, { register, size, skip }] as const;
    if (!register.startsWith("r") || register === "rip") return [named(register, 8)];
    if (/^r\d/.test(register))
      return [
        ...[named(register, 8), named(`${register}d`, 4), named(`${register}w`, 2)],
        named(`${register}b`, 1),
      ];
    const short = register.slice(1);
    const letter = short.endsWith("x") ? short.slice(0, 1) : short;
    return [
      ...[named(register, 8), named(`e${short}`, 4), named(short, 2), named(`${letter}l`, 1)],
      ...(short.endsWith("x") ? [named(`${letter}h`, 1, 1)] : []),
    ];
  }),
);
