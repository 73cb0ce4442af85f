// SPDX-License-Identifier: Apache-2.0
import protobuf from "protobufjs/light.js";
import type { Codec } from "../codec.ts";
import { type MethodDefinition, methodDefinitions } from "../service.ts";
import { unknownFieldsOf } from "../unknown-fields.ts";
import { descriptor } from "./descriptor.gen.ts";
import type { Messages } from "./messages.gen.ts";

let root: protobuf.Root | undefined;

function streamRoot(): protobuf.Root {
  if (root === undefined) {
    root = protobuf.Root.fromJSON(descriptor);
    root.resolveAll();
  }
  return root;
}

const typeOf = (name: keyof Messages) => streamRoot().lookupType(name);

/**
 * For messages between operator and sensor; plain objects as in `messages.gen.ts`, like those of `codec`
 * for the event API. Fields are written in ascending order of number, so equal messages have equal bytes.
 */
export function streamCodec<N extends keyof Messages>(name: N): Codec<Messages[N]> {
  let found: protobuf.Type | undefined;
  const type = () => {
    found ??= typeOf(name);
    return found;
  };
  return {
    encode: (message) => type().encode(type().fromObject(message)).finish(),
    decode: (bytes) =>
      type().toObject(type().decode(bytes), { longs: String, enums: String }) as Messages[N],
  };
}

/** Like `unknownFields`, for these messages. Throws RangeError or Error if `bytes` are no message. */
export function unknownStreamFields(name: keyof Messages, bytes: Uint8Array): readonly string[] {
  return unknownFieldsOf(typeOf(name), bytes);
}

/** Like `serviceDefinition`, for `gander.v1.SensorStream`, `gander.v1.Fleet` and `gander.v1.Peers`. */
export function streamService(name: string): Readonly<Record<string, MethodDefinition>> {
  return methodDefinitions(streamRoot().lookupService(name), (type) =>
    streamCodec(type as keyof Messages),
  );
}
