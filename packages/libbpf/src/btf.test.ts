// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { readFixture } from "../test/fixture.ts";
import {
  type Btf,
  BtfError,
  fieldAt,
  fieldsOfType,
  findType,
  findTypes,
  functionPrototype,
  parseBtf,
  readValue,
  releaseBtf,
  resolveType,
  sizeOfType,
  typeById,
  typeToString,
  writeValue,
} from "./index.ts";

const btf = readFixture().btf as Btf;
const idOf = (kind: "struct" | "func" | "enum", name: string) =>
  findType(btf, kind, name) as number;

describe("types of an object that clang compiled", () => {
  it("finds many names in one pass", () => {
    const found = findTypes(btf, ["struct", "func"], ["shape", "weigh", "count", "nope"]);
    expect([...found.keys()].toSorted()).toEqual(["shape", "weigh"]);
  });

  it("finds short names, and none that only begins alike", () => {
    expect([...findTypes(btf, "int", ["int", "unsigned"]).keys()]).toEqual(["int"]);
    expect([...findTypes(btf, "struct", ["shape", "shap", "shapes"]).keys()]).toEqual(["shape"]);
    expect(findTypes(btf, "struct", ["a", "b"]).size).toBe(0);
  });

  it("lays structs out as the compiler does", () => {
    const fields = fieldsOfType(btf, idOf("struct", "shape"));
    expect(fields.map(({ path, offset, size }) => [path, offset, size])).toEqual([
      ["kind", 0, 1],
      ["limit", 8, 8],
      ["corners", 16, 16],
      ["label", 32, 8],
    ]);
    expect(sizeOfType(btf, idOf("struct", "shape"))).toBe(40);
    expect(fieldAt(btf, idOf("struct", "shape"), "corners[1].y")?.offset).toBe(28);
    expect(fieldAt(btf, idOf("struct", "shape"), "corners[2].y")).toBeUndefined();
    expect(fieldAt(btf, idOf("struct", "shape"), "kind.x")).toBeUndefined();
  });

  it("reads prototypes with names and types", () => {
    const { parameters, returnType, isVariadic } = functionPrototype(btf, idOf("func", "weigh"));
    expect({
      parameters: parameters.map(({ name, type }) => `${type} ${name}`),
      returnType,
      isVariadic,
    }).toEqual({
      parameters: ["__u32 times"],
      returnType: "int",
      isVariadic: false,
    });
    const callback = functionPrototype(btf, idOf("func", "add_one"));
    expect(callback.parameters.map(({ type }) => type)).toEqual(["__u32", "__u64 **"]);
  });

  it("gives the values of enums", () => {
    const counter = resolveType(btf, idOf("enum", "counter"));
    expect(counter.kind === "enum" && counter.values.slice(0, 2)).toEqual([
      { name: "BY_TRACEPOINT", value: 0n },
      { name: "BY_RAW_TRACEPOINT", value: 1n },
    ]);
  });

  it("knows where global variables lie", () => {
    const { variables } = readFixture();
    const place = (name: string) => {
      const { map, offset, size } = variables.get(name) ?? {};
      return [map, offset, size];
    };
    expect(place("only_pid")).toEqual([".rodata", 0, 4]);
    expect(place("verdict")).toEqual([".rodata", 8, 4]);
    expect(place("shape")).toEqual([".rodata", 16, 40]);
    expect(place("initialised")).toEqual([".data", 0, 8]);
  });

  it("reads every type and writes it as C", () => {
    for (let id = 0; id < btf.endId; id++) {
      expect(typeById(btf, id).id).toBe(id);
      expect(typeToString(btf, id)).toBeTypeOf("string");
    }
    expect(() => typeById(btf, btf.endId)).toThrow(BtfError);
  });
});

describe("bytes that aren't BTF", () => {
  const cases: readonly [string, (bytes: Buffer) => Buffer][] = [
    ["nothing", () => Buffer.alloc(0)],
    ["zeros", () => Buffer.alloc(100)],
    ["cut in the strings", (bytes) => bytes.subarray(0, bytes.length - 1)],
    ["cut in the types", (bytes) => bytes.subarray(0, 100)],
    ["another version", (bytes) => bytes.fill(2, 2, 3)],
    ["an unknown kind", (bytes) => bytes.fill(0x1f, 24 + 7, 24 + 8)],
    ["too many parts", (bytes) => bytes.fill(0xff, 24 + 4, 24 + 6).fill(4, 24 + 7, 24 + 8)],
  ];
  it.each(cases)("%s", (_, spoil) => {
    expect(() => parseBtf(spoil(Buffer.from(btf.bytes)))).toThrow(/Cannot read BTF/);
  });

  it("survives any single wrong byte", () => {
    for (let at = 0; at < btf.bytes.length; at += 3) {
      const bytes = Buffer.from(btf.bytes);
      bytes[at] = (bytes[at] as number) ^ 0xff;
      try {
        const spoilt = parseBtf(bytes);
        for (let id = 0; id < spoilt.endId; id += 7) {
          sizeOfType(spoilt, id);
          typeToString(spoilt, id);
          if (typeById(spoilt, id).kind === "struct") fieldsOfType(spoilt, id);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(BtfError);
      }
    }
  });
});

describe("values", () => {
  const shape = idOf("struct", "shape");
  const write = (value: Parameters<typeof writeValue>[2]) => {
    const bytes = new Uint8Array(40);
    writeValue(btf, shape, value, bytes);
    return bytes;
  };

  it("come back as they were written", () => {
    const value = {
      kind: 255,
      limit: 2n ** 64n - 1n,
      corners: [
        { x: 4294967295, y: -2147483648 },
        { x: 0, y: 1 },
      ],
      label: "12345678",
    };
    expect(readValue(btf, shape, write(value))).toEqual(value);
  });

  const refused: readonly [string, Parameters<typeof writeValue>[2], RegExp][] = [
    ["a number too large", { kind: 256 }, /256 doesn't fit into 8 bits/],
    ["a negative one", { kind: -1 }, /negative/],
    ["a fraction", { kind: 0.5 }, /not an integer/],
    ["a number beyond 2⁵³", { limit: 2 ** 60 }, /not an integer/],
    ["text for a number", { kind: "one" }, /not an integer/],
    ["an unknown member", { nope: 1 }, /no member "nope"/],
    ["too long a text", { label: "123456789" }, /longer than 8/],
    ["too many elements", { corners: [{}, {}, {}] }, /at most 2/],
    ["bytes of another size", { label: new Uint8Array(7) }, /7 bytes given, it has 8/],
    ["a number for a struct", 5, /expected an object/],
  ];
  it.each(refused)("refuse %s", (_, value, message) => {
    expect(() => write(value)).toThrow(message);
  });
});

describe("types that were released", () => {
  it("have no memory any more, and cannot be read", () => {
    const own = parseBtf(Buffer.concat([btf.bytes]));
    const large = parseBtf(new Uint8Array(btf.bytes));
    releaseBtf(large);
    expect([large.bytes.length, large.offsets.length]).toEqual([0, 0]);
    expect(findType(large, "struct", "shape")).toBeUndefined();
    // Memory that others share stays theirs.
    const shared = Buffer.alloc(btf.bytes.length + 64);
    shared.set(btf.bytes, 64);
    releaseBtf(parseBtf(shared.subarray(64)));
    expect(shared.length).toBe(btf.bytes.length + 64);
    expect(findType(own, "struct", "shape")).toBeDefined();
  });
});
