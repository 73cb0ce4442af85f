// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { type BuiltArg, buildData, buildHook, numberArg } from "../../test/record-builder.ts";
import { createTestSensor } from "../../test/test-sensor.ts";
import { valueType } from "../link/abi.gen.ts";
import { headerLayouts } from "../records/header-layouts.ts";
import { recordOffsets } from "../records/record-layouts.ts";
import { RecordReader } from "../records/record-reader.ts";
import { CallData } from "./call-data.ts";
import type { EventRule } from "./event-rule.ts";

const rule: EventRule = {
  ...{ id: 7, policyName: "p", policyNamespace: "", functionName: "f", message: "", tags: [] },
  args: [
    { type: "int", label: "" },
    { type: "char_buf", label: "written" },
    { type: "char_buf", label: "" },
  ],
  eventKind: "process_kprobe",
};
const call = {
  ...{ time: 3_000n, process: { pid: 100, start: 1_000n }, parent: { pid: 1, start: 10n } },
  ...{ tid: 104, rule: 7 },
};
const pattern = Buffer.from(Array.from({ length: 30_000 }, (_, i) => i % 251));
const buffer = (content: Uint8Array, extra: number): BuiltArg => ({
  ...{ type: valueType.VALUE_USER_BUFFER, content, extra },
});
const part = (from: number, to: number, total = pattern.length, argument = 1) =>
  buildData({ ...call, argument, offset: from, total, content: pattern.subarray(from, to) });
const hook = (bytes = 4096, total = pattern.length, second = 3) =>
  buildHook({
    ...call,
    args: [
      numberArg(valueType.VALUE_S32, 5),
      buffer(pattern.subarray(0, bytes), total),
      buffer(pattern.subarray(0, Math.min(second, 4096)), second),
    ],
  });

/** The arguments of the only event, with its buffers as their bytes. */
function shown(...records: readonly Buffer[]) {
  const events = createTestSensor({ rules: [rule] }).take(...records);
  expect(events).toHaveLength(1);
  return events[0].process_kprobe.args
    .slice(1)
    .map(
      (arg: {
        bytes_arg?: string;
        truncated_bytes_arg?: { bytes_arg: string; orig_size: string };
      }) => {
        const { bytes_arg: whole, truncated_bytes_arg: cut } = arg;
        const bytes = Buffer.from(whole ?? cut?.bytes_arg ?? "", "base64");
        expect(bytes.equals(pattern.subarray(0, bytes.length))).toBe(true);
        return cut === undefined ? bytes.length : `${bytes.length} of ${cut.orig_size}`;
      },
    );
}

describe("a buffer in several records", () => {
  it("is whole in the event, in both of its forms", () => {
    const { take, messages } = createTestSensor({ rules: [rule] });
    const [{ process_kprobe }] = take(part(4096, 20_000), part(20_000, 30_000), hook());
    expect(process_kprobe.args[1]).toEqual({
      ...{ bytes_arg: pattern.toString("base64"), label: "written" },
    });
    expect(messages[0]?.includes(pattern)).toBe(true);
  });

  it.each<[string, readonly Buffer[], unknown]>([
    ["is missing", [], "4096 of 30000"],
    ["ends early", [part(4096, 20_000)], "20000 of 30000"],
    ["lacks its first part", [part(20_000, 30_000)], "4096 of 30000"],
    ["lacks a part in the middle", [part(4096, 5000), part(6000, 30_000)], "5000 of 30000"],
    ["is longer than an event's", [part(4096, 30_000, 500_000)], "30000 of 500000"],
    ["says that it is shorter than its beginning", [part(4096, 5000, 10)], "4096 of 10"],
    ["would be longer than it says", [part(4096, 30_000, 9_000)], "4096 of 9000"],
  ])("that %s is said to be cut", (_, records, expected) => {
    expect(shown(...records, hook())).toEqual([expected, 3]);
  });

  it("of which the record itself lacks bytes shows only those", () => {
    expect(shown(part(4096, 30_000), hook(1000))).toEqual(["1000 of 30000", 3]);
  });

  it("is one of two", () => {
    const second = part(4096, 6000, 6000, 2);
    expect(shown(part(4096, 30_000), second, hook(4096, 30_000, 6000))).toEqual([30_000, 6000]);
  });

  it.each([
    ["another time", { time: 3_001n }],
    ["another thread", { tid: 105 }],
    ["another rule", { rule: 8 }],
  ])("is not that of %s", (_, other) => {
    const content = pattern.subarray(4096);
    const record = buildData({
      ...{ ...call, ...other },
      ...{ argument: 1, offset: 4096, total: 30_000, content },
    });
    expect(shown(record, hook())).toEqual(["4096 of 30000", 3]);
  });

  it("belongs to one event", () => {
    const { take } = createTestSensor({ rules: [rule] });
    const [, second] = take(part(4096, 30_000), hook(), hook());
    expect(second.process_kprobe.args[1].truncated_bytes_arg.orig_size).toBe("30000");
  });
});

it("calls whose record never came make room for later ones", () => {
  const offsets = recordOffsets(headerLayouts());
  const data = new CallData(offsets, 100_000);
  const read = (bytes: Buffer) => {
    const reader = new RecordReader(Buffer.concat([bytes]));
    reader.at(0, bytes.length);
    return reader;
  };
  const of = (tid: number) =>
    buildData({ ...call, tid, offset: 4096, total: 30_000, content: pattern.subarray(4096) });
  for (const tid of [1, 2, 3, 4]) data.add(read(of(tid)));
  const found = [1, 2, 3, 4].filter(
    (tid) => data.take(read(buildHook({ ...call, tid, args: [] }))) !== undefined,
  );
  expect(found).toEqual([2, 3, 4]);
  expect(data.isEmpty).toBe(true);
  for (const tid of [5, 6, 7]) data.add(read(of(tid)));
  expect(data.take(read(buildHook({ ...call, tid: 5, args: [] })))).toBeDefined();
});
