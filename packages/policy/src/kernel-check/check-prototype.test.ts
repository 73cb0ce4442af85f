// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../check-policy.ts";
import type { TypedHook } from "../compiled-policy.ts";
import { readCType } from "./c-type.ts";
import { checkPrototype } from "./check-prototype.ts";

/** `int f(struct file *file, int mask)` */
function prototype(text: string) {
  const [, returnType = "", name = "", list = ""] = /^(.*?)(\w+)\((.*)\)$/.exec(text) ?? [];
  const parameters = list
    .split(", ")
    .filter((item) => item !== "")
    .map((item) => {
      const [, type = "", parameter = ""] = /^(.*?)(\w+)$/.exec(item) ?? [];
      return { type: type.trim(), name: parameter, typeId: 0 };
    });
  return { name, parameters, returnType: returnType.trim() };
}

function check(args: string, kernel: string, more = "") {
  const text = `{apiVersion: cilium.io/v1alpha1, kind: TracingPolicy, metadata: {name: a}, spec: {kprobes: [{call: f, syscall: false, ${more} args: [${args}]}]}}`;
  const hook = checkPolicy(text, { file: "a" }).value?.[0]?.compiled.hooks[0];
  if (!hook) throw new Error(text);
  return checkPrototype(hook as TypedHook, prototype(kernel)).map(
    ({ severity, path, message, hint }) =>
      `${severity} ${path.replace("spec.kprobes[0].", "")}: ${message}. ${hint}`,
  );
}

describe("checkPrototype", () => {
  it.each([
    ["{index: 0, type: file}, {index: 1, type: int}", "int f(struct file *file, int mask)"],
    ["{index: 0, type: path}", "int f(const struct path *path)"],
    ["{index: 0, type: linux_binprm}", "int f(struct linux_binprm *bprm)"],
    ["{index: 0, type: sock}", "int f(struct sock *sk)"],
    [
      "{index: 0, type: string}, {index: 1, type: char_buf, sizeArgIndex: 3}",
      "int f(const char *name, void *data, size_t size)",
    ],
    ["{index: 0, type: uint64}", "int f(struct task_struct *task)"],
    ["{index: 0, type: int}", "int f(unsigned long flags)"],
    ["{index: 0, type: uint32}", "int f(enum which what)"],
    ["{index: 0, type: int}", "int f(strange_t what)"],
    ["{index: 0, type: fd}", "int f(unsigned int fd)"],
    ["{index: 0, type: capability}", "int f(int cap)"],
    ["{index: 0, type: bpf_attr}", "int f(union bpf_attr *attr)"],
    ["{index: 0, type: cap_effective}", "int f(const kernel_cap_t *effective)"],
    ["{index: 2, type: nop}", "int f(struct file *file, int mask, union x *y)"],
  ])("%s fits %s", (args, kernel) => {
    expect(check(args, kernel)).toEqual([]);
  });

  it.each([
    [
      "{index: 0, type: path}",
      "int f(struct file *file)",
      "error args[0].type: argument 0 of f is a struct file *, not a path. Write `type: file`. It is f(struct file *file).",
    ],
    [
      "{index: 0, type: sock}",
      "int f(struct socket *sock)",
      "error args[0].type: argument 0 of f is a struct socket *, not a sock. Write `type: socket`. It is f(struct socket *sock).",
    ],
    [
      "{index: 1, type: int}",
      "int f(void *data)",
      "error args[0].index: f takes one argument, so none with index 1. It is f(void *data).",
    ],
    [
      "{index: 0, type: int}",
      "int f(const char *name)",
      "error args[0].type: argument 0 of f is a char *, not a int. Write `type: string`. It is f(char *name).",
    ],
    [
      "{index: 0, type: string}",
      "int f(int mode)",
      "error args[0].type: argument 0 of f is a int, not a string. Write `type: int32`. It is f(int mode).",
    ],
    [
      "{index: 0, type: uint64}",
      "int f(umode_t mode)",
      "warning args[0].type: argument 0 of f is a umode_t, which is not as wide as uint64. Write `type: uint16`. It is f(umode_t mode).",
    ],
    [
      "{index: 0, type: bpf_map}",
      "int f(struct bpf_prog *prog)",
      "error args[0].type: argument 0 of f is a struct bpf_prog *, not a bpf_map. Write `type: bpf_prog`. It is f(struct bpf_prog *prog).",
    ],
    [
      "{index: 0, type: char_buf, sizeArgIndex: 2}",
      "int f(void *data)",
      "error args[0].sizeArgIndex: the size of the buffer must be a number, but argument 1 of f does not exist. sizeArgIndex counts from 1. It is f(void *data).",
    ],
  ])("%s, %s", (args, kernel, expected) => {
    expect(check(args, kernel)).toEqual([expected]);
  });

  it.each([
    [
      "void f()",
      ["warning returnArg.type: f returns nothing. Remove returnArg and the filters on it."],
    ],
    [
      "struct file *f()",
      ["error returnArg.type: f returns a struct file *, not a int. Write `type: file`."],
    ],
    ["int f()", []],
    ["long f()", []],
  ])("return value of %s", (kernel, expected) => {
    expect(check("", kernel, "return: true, returnArg: {index: 0, type: int},")).toEqual(expected);
  });
});

it.each([
  ["const struct path *", "struct path *", "pointer"],
  ["struct path const*", "struct path *", "pointer"],
  ["char **", "char **", "pointer"],
  ["long unsigned int", "long unsigned int", "integer"],
  ["struct kiocb", "struct kiocb", "structure"],
  ["int (*)(void)", "int ( *)(void)", "pointer"],
])("readCType %s", (text, name, kind) => {
  expect(readCType(text)).toMatchObject({ name, kind });
});
