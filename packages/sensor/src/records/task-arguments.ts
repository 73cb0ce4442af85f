// SPDX-License-Identifier: Apache-2.0

import { readApart } from "../host/read-apart.ts";
import { textFlags } from "../link/abi.gen.ts";
import type { RecordOffsets } from "./record-layouts.ts";

/** The same number as in an exec record (ARGUMENTS_SIZE in bpf/details.bpf.h). */
const limitBytes = 16_384;

/** The arguments of processes, as stored in their memory; undefined: not available in time. */
export function readCommandLines(
  pids: readonly number[],
): Promise<readonly (Buffer | undefined)[]> {
  return readApart(
    pids.map((pid) => `/proc/${pid}/cmdline`),
    { limitBytes },
  );
}

/**
 * Adds the arguments to a RECORD_TASK that was written without. If expected arguments were not read, or not
 * all, its flags show it.
 */
export function withArguments(
  record: Buffer,
  line: Buffer | undefined,
  { size, exec, text }: RecordOffsets,
): Buffer {
  if (record.readUInt16LE(exec.arguments + text.size) > 0) return record;
  const expected = record.readUInt32LE(exec.argumentsSize);
  const read = line?.subarray(0, limitBytes) ?? Buffer.alloc(0);
  const length = record.readUInt32LE(size);
  const whole = Buffer.alloc(Math.ceil((length + read.length) / 8) * 8);
  whole.set(record.subarray(0, length));
  whole.set(read, length);
  whole.writeUInt32LE(length + read.length, size);
  whole.writeUInt16LE(read.length, exec.arguments + text.size);
  const isCut = read.length === limitBytes && expected > limitBytes;
  const isMissing = expected > 0 && read.length === 0;
  const flags =
    (isCut ? textFlags.TEXT_TRUNCATED : 0) | (isMissing ? textFlags.TEXT_UNREADABLE : 0);
  whole.writeUInt16LE(flags, exec.arguments + text.flags);
  return whole;
}
