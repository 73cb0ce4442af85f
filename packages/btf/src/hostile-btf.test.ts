// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import {
  BtfError,
  fieldsOfType,
  findType,
  functionPrototype,
  namesOfKind,
  parseBtf,
  resolveType,
  sizeOfType,
  typeById,
  typeToString,
} from "./index.ts";
import { BtfWriter, buildBtf, kinds } from "./testing/build-btf.ts";

const bytes = buildBtf({
  functions: ["int weigh(const struct file *file, unsigned int times)", "void rest()"],
  rawTracepoints: ["sched_switch(bool preempt, struct task_struct *prev)"],
});

describe("a built BTF", () => {
  it("is read as it was declared", () => {
    const btf = parseBtf(bytes);
    const { returnType, parameters } = functionPrototype(btf, findType(btf, "func", "weigh") ?? 0);
    expect(returnType).toBe("int");
    expect(parameters.map(({ name, type }) => `${type} ${name}`)).toEqual([
      "const struct file * file",
      "unsigned int times",
    ]);
    expect([...namesOfKind(btf, "func")]).toEqual(["weigh", "rest"]);
    expect(typeToString(btf, findType(btf, "typedef", "btf_trace_sched_switch") ?? 0)).toBe(
      "btf_trace_sched_switch",
    );
  });
});

/** Types of which something never ends. */
const endless: Readonly<Record<string, (writer: BtfWriter) => number>> = {
  "a typedef of itself": (writer) => writer.add(kinds.typedef, "a", 1),
  "two that point to each other": (writer) => {
    writer.add(kinds.typedef, "a", 2);
    return writer.add(kinds.typedef, "b", 1);
  },
  "a pointer to itself": (writer) => writer.add(kinds.ptr, "", 1),
  "an array of itself": (writer) => writer.add(kinds.array, "", 0, [1, 1, 2]),
  "a struct that holds itself twice": (writer) =>
    writer.add(kinds.struct, "s", 8, [0, 1, 0, 0, 1, 0], 2),
  "a function that takes itself 60000 times": (writer) =>
    writer.add(
      kinds.func_proto,
      "",
      0,
      Array.from({ length: 120_000 }, () => 1),
      60_000,
    ),
};

describe("types that do not end", () => {
  it.each(Object.entries(endless))("%s", (_, build) => {
    const writer = new BtfWriter();
    const id = build(writer);
    const btf = parseBtf(writer.bytes());
    const started = performance.now();
    for (const use of [typeToString, resolveType, sizeOfType, fieldsOfType])
      try {
        use(btf, id);
      } catch (error) {
        expect(error).toBeInstanceOf(BtfError);
      }
    // It takes milliseconds, or hours.
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

it("refuses functions with more parameters than anybody writes", () => {
  const writer = new BtfWriter();
  const prototype = writer.add(kinds.func_proto, "", 0, new Array(120_000).fill(1), 60_000);
  const id = writer.add(kinds.func, "many", prototype);
  expect(() => functionPrototype(parseBtf(writer.bytes()), id)).toThrow("has 60000 parameters");
});

describe("bytes that are none", () => {
  it("cut anywhere, throw a BtfError or are read", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseBtf(bytes.subarray(0, length)), `${length}`).toThrow(BtfError);
    }
  });

  it("survive any value in any byte", () => {
    for (let at = 0; at < bytes.length; at++)
      for (const value of [0, 1, 0x7f, 0xff]) {
        const spoilt = Buffer.from(bytes);
        spoilt[at] = value;
        try {
          const btf = parseBtf(spoilt);
          for (let id = 0; id < btf.endId; id++) {
            typeById(btf, id);
            typeToString(btf, id);
          }
          Array.from(namesOfKind(btf, "func"));
        } catch (error) {
          expect(error).toBeInstanceOf(BtfError);
        }
      }
  });

  it("let no name be longer than a symbol can be", () => {
    const writer = new BtfWriter();
    writer.add(kinds.typedef, "x".repeat(100_000), 0);
    const btf = parseBtf(writer.bytes());
    expect(typeById(btf, 1).name).toBe("");
  });
});
