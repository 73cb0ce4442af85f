// SPDX-License-Identifier: Apache-2.0
import { type RecordField, readRecordField } from "@gander/policy";

export type TracepointField = RecordField & {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly signed: boolean;
};

export type TracepointFormat = {
  readonly id: number;
  /** In the order of the file: policies count from the first, `common_type`. */
  readonly fields: readonly TracepointField[];
};

/**
 * Reads /sys/kernel/tracing/events/SUBSYSTEM/EVENT/format
 * (Documentation/trace/events.rst in the kernel's sources, section "Event formats").
 */
export function parseTracepointFormat(text: string): TracepointFormat {
  const id = Number(/^ID:\s*(\d+)$/m.exec(text)?.[1]);
  const pattern =
    /^[ \t]*field:([^;\n]+);[ \t]*offset:(\d+);[ \t]*size:(\d+);[ \t]*signed:([01]);/gm;
  const fields: TracepointField[] = [...text.matchAll(pattern)].map(
    ([, declaration = "", offset, size, signed]) => ({
      ...readRecordField(declaration),
      offsetBytes: Number(offset),
      sizeBytes: Number(size),
      signed: signed === "1",
    }),
  );
  return { id, fields };
}
