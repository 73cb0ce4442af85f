// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Btf, findType, followPath, functionPrototype, parseBtf } from "./index.ts";
import { BtfWriter, buildBtf, kinds } from "./testing/build-btf.ts";

const btf = parseBtf(
  buildBtf({
    structs: {
      qstr: ["unsigned int hash", "unsigned int len", "const unsigned char * name"],
      dentry: ["struct dentry * parent", "struct qstr d_name"],
      path: ["void * mnt", "struct dentry * dentry"],
      hidden: ["int deep", "struct path f_path"],
      file: [
        "unsigned int opened:3",
        "unsigned int writable:1",
        "struct hidden",
        "short modes[4]",
        "struct elsewhere * other",
        "struct file * * files",
      ],
    },
    functions: ["int f(struct file *file, int *pair, int plain, struct file **all)"],
  }),
);
const root = (index: number, of: Btf = btf, name = "f") => ({
  value: functionPrototype(of, findType(of, "func", name) ?? 0).parameters[index]?.typeId ?? 0,
});

function follow(path: string, argument = 0): string {
  const found = followPath(btf, root(argument), path);
  if ("reason" in found) return `${found.reason} ${found.type} ${found.step}`;
  const { dereferences, offset, type, value } = found;
  const number =
    value.kind === "integer"
      ? ` ${value.signed ? "signed " : ""}${value.bits}/${value.size * 8}>>${value.shift}`
      : "";
  return `${[...dereferences, ""].join("->")}${offset} ${type}, ${value.kind}${number}`;
}

describe("followPath", () => {
  it.each([
    ["", "0 struct file *, pointer"],
    ["f_path", "16 struct path, structure"],
    ["f_path.dentry", "24 struct dentry *, pointer"],
    ["f_path.dentry.d_name.len", "24->12 unsigned int, integer 32/32>>0"],
    ["f_path.dentry.d_name.name", "24->16 const unsigned char *, pointer"],
    ["f_path.dentry.parent.parent.d_name.hash", "24->0->0->8 unsigned int, integer 32/32>>0"],
    ["deep", "8 int, integer signed 32/32>>0"],
    ["opened", "0 unsigned int, integer 3/32>>0"],
    ["writable", "0 unsigned int, integer 1/32>>3"],
    ["modes", "32 short[4], array"],
    ["modes[3]", "38 short, integer signed 16/16>>0"],
    ["files[2].deep", "48->16->8 int, integer signed 32/32>>0"],
  ])("%s", (path, expected) => expect(follow(path)).toBe(expected));

  it.each([
    ["[0]", 1, "0 int, integer signed 32/32>>0"],
    ["[1]", 1, "4 int, integer signed 32/32>>0"],
    ["[3].deep", 3, "24->8 int, integer signed 32/32>>0"],
    ["", 2, "0 int, integer signed 32/32>>0"],
  ])("%s of argument %i", (path, argument, expected) =>
    expect(follow(path, argument)).toBe(expected),
  );

  it.each([
    ["f_pat", 0, "no-member struct file f_pat"],
    ["f_path.dentry.name", 0, "no-member struct dentry name"],
    ["modes[4]", 0, "beyond-array short[4] [4]"],
    ["deep.x", 0, "not-a-structure int x"],
    ["deep[0]", 0, "not-an-array int [0]"],
    ["f_path.mnt.x", 0, "not-a-structure void x"],
    ["other.x", 0, "declared-only struct elsewhere x"],
    ["opened.x", 0, "not-a-structure unsigned int x"],
    ["x", 2, "not-a-structure int x"],
    ["[0]", 2, "not-an-array int [0]"],
  ])("%s of argument %i ends", (path, argument, expected) =>
    expect(follow(path, argument)).toBe(expected),
  );

  it("names the members that there are, those of anonymous structs among them", () => {
    const found = followPath(btf, root(0), "nothing");
    expect("members" in found && [...found.members]).toEqual([
      ..."opened writable deep f_path modes other files".split(" "),
    ]);
  });

  it("ends in types that refer to themselves", () => {
    const writer = new BtfWriter();
    const id = writer.add(kinds.ptr, "", 1);
    const found = () => followPath(parseBtf(writer.bytes()), { value: id }, "[0][0][0].a");
    expect(found).toThrow("refers to itself");
  });
});

const kernel = "/sys/kernel/btf/vmlinux";

describe.runIf(existsSync(kernel))("the running kernel's types", () => {
  const types = () => parseBtf(readFileSync(kernel));
  it("lead from a program that begins to the name of its parent", () => {
    const found = followPath(
      types(),
      root(0, types(), "security_bprm_check"),
      "mm.owner.real_parent.comm",
    );
    expect(found).toMatchObject({ type: "char[16]", value: { kind: "array", size: 16 } });
    expect("dereferences" in found && found.dereferences.length).toBe(3);
  });
  it("lead from a task to its file", () => {
    const task = { structure: findType(types(), "struct", "task_struct") ?? 0 };
    expect(followPath(types(), task, "mm.exe_file")).toMatchObject({
      type: expect.stringMatching(/^struct file \*$/),
      value: { kind: "pointer" },
    });
  });
});
