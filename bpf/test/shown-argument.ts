// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { MessageArgType } from "../../packages/policy/src/index.ts";
import { messageOf, viewStructure } from "../../packages/sensor/src/events/structures.ts";
import type { RecordReader } from "../../packages/sensor/src/records/record-reader.ts";
import type { Arg } from "./record.ts";

/** An argument as the event has it. */
export function shownArgument(type: MessageArgType, arg: Arg | undefined) {
  assert.ok(arg);
  const bytes = Buffer.from(arg.bytes);
  const reader = {
    bytes,
    base: 0,
    u32: (at: number) => bytes.readUInt32LE(at),
    u64: (at: number) => bytes.readBigUInt64LE(at),
  } as unknown as RecordReader;
  return messageOf(type, viewStructure(reader, 0, bytes.length));
}
