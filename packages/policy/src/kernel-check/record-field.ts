// SPDX-License-Identifier: Apache-2.0

/** A field of a tracepoint's record, as its format file declares it. */
export type RecordField = {
  readonly name: string;
  /** The C declaration without the name, e.g. `const char *`, `__data_loc char[]`, `char[16]`. */
  readonly type: string;
};

/** Longer than any declaration: the search for names in brackets takes quadratic time. */
const maxLength = 512;

/** `char comm[16]` → its name and type. */
export function readRecordField(declaration: string): RecordField {
  const [, type = "", name = "", array = ""] =
    /^(.*?)\b(\w+)\s*(\[.*\])?$/.exec(declaration.slice(0, maxLength).trim()) ?? [];
  return { name, type: `${type.trim()}${array}` };
}
