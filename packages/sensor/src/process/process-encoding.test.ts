// SPDX-License-Identifier: Apache-2.0
import { codec, type Process, toProtoJson } from "@gander/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryProcess } from "../../test/arbitrary-process.ts";
import { jsonLine } from "../text/json-text.ts";
import { plainProcess } from "./plain-process.ts";
import type { ProcessEntry } from "./process-entry.ts";

function joinJson(entry: ProcessEntry, tid: number): string {
  const { head, middle, tail } = entry.json;
  const refcnt = entry.refcnt === 0 ? "" : `,"refcnt":${entry.refcnt}`;
  return `${Buffer.from(head)}${refcnt}${Buffer.from(middle)},"tid":${tid}${Buffer.from(tail)}`;
}

function joinProto(entry: ProcessEntry, tid: number): Process {
  const between = { refcnt: entry.refcnt };
  const process = codec("tetragon.Process");
  const parts = [
    entry.protoHead,
    ...(entry.refcnt === 0 ? [] : [process.encode(between)]),
    entry.protoMiddle,
    process.encode({ tid: { value: tid } }),
    entry.protoTail,
  ];
  return process.decode(Buffer.concat(parts));
}

describe("encoded process", () => {
  it("is the plain message, in JSON and in protobuf", () => {
    fc.assert(
      fc.property(arbitraryProcess, fc.integer({ min: 1, max: 2 ** 22 }), (entry, tid) => {
        const plain = plainProcess(entry, tid);
        expect(joinJson(entry, tid)).toBe(jsonLine(toProtoJson("tetragon.Process", plain)));
        const { encode, decode } = codec("tetragon.Process");
        expect(joinProto(entry, tid)).toEqual(decode(encode(plain)));
      }),
    );
  });

  it("changes with what it is about", () => {
    const [entry] = fc.sample(arbitraryProcess, 1);
    if (entry === undefined) throw new Error("no sample");
    const before = entry.json;
    expect(entry.json).toBe(before);
    entry.workload = { containerId: "c".repeat(64), pod: { name: "p" } };
    expect(Buffer.from(entry.json.head).toString()).toContain('"pod":{"name":"p"},"docker":"ccc');
    expect(joinProto(entry, 1).docker).toBe("c".repeat(31));
  });

  it("shows the properties of the binary only while they are set", () => {
    const [entry] = fc.sample(arbitraryProcess, 1);
    if (entry === undefined) throw new Error("no sample");
    entry.binaryProperties = { file: { path: "/tmp/x (deleted)" } };
    expect(joinJson(entry, 1)).toContain(
      '"binary_properties":{"file":{"path":"/tmp/x (deleted)"}}',
    );
    entry.binaryProperties = undefined;
    expect(joinJson(entry, 1)).not.toContain("binary_properties");
  });
});
