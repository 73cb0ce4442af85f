// SPDX-License-Identifier: Apache-2.0
import protobuf from "protobufjs/light.js";
import { reflection } from "./codec.ts";
import type { Messages } from "./messages.gen.ts";

/**
 * Fields of an encoded message that the `.proto` files lack: its writer is newer. Each as the path to its
 * message and its number, such as `allow_list.20`. Decoding omits them silently. Throws RangeError or
 * Error if `bytes` are no message.
 */
export function unknownFields<N extends keyof Messages>(
  name: N,
  bytes: Uint8Array,
): readonly string[] {
  return unknownFieldsOf(reflection().lookupType(name), bytes);
}

/** The same for a type of any set of `.proto` files. */
export function unknownFieldsOf(type: protobuf.Type, bytes: Uint8Array): readonly string[] {
  const found = new Set<string>();
  scan(type, protobuf.Reader.create(bytes), bytes.length, "", found);
  return [...found];
}

function scan(
  type: protobuf.Type,
  reader: protobuf.Reader,
  end: number,
  path: string,
  found: Set<string>,
): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    const number = tag >>> 3;
    const wireType = tag & 7;
    const field = type.fieldsById[number];
    if (field === undefined) found.add(`${path}${number}`);
    const inner = field?.map === false ? field.resolvedType : undefined;
    if (wireType === 2 && inner instanceof protobuf.Type) {
      const length = reader.uint32();
      scan(inner, reader, reader.pos + length, `${path}${field?.name}.`, found);
    } else reader.skipType(wireType);
  }
}
