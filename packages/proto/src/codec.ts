// SPDX-License-Identifier: Apache-2.0
import protobuf from "protobufjs/light.js";
import { descriptor } from "./descriptor.gen.ts";
import type { Messages } from "./messages.gen.ts";

export type Codec<T> = {
  encode(message: T): Uint8Array;
  /** Throws RangeError or Error if `bytes` are not such a message. */
  decode(bytes: Uint8Array): T;
};

let root: protobuf.Root | undefined;

/** The types of all messages; built on first use. */
export function reflection(): protobuf.Root {
  if (root === undefined) {
    root = protobuf.Root.fromJSON(descriptor);
    root.resolveAll();
  }
  return root;
}

/**
 * Translates between an encoded message and a plain object as in `messages.gen.ts`: names as in the
 * `.proto` files, enums by name, 64-bit numbers as decimal text, absent fields omitted.
 */
export function codec<N extends keyof Messages>(name: N): Codec<Messages[N]> {
  // Types are built on first use: that takes longer than anything else at start.
  let found: protobuf.Type | undefined;
  const type = () => {
    found ??= reflection().lookupType(name);
    return found;
  };
  return {
    encode: (message) => type().encode(type().fromObject(message)).finish(),
    decode: (bytes) =>
      type().toObject(type().decode(bytes), { longs: String, enums: String }) as Messages[N],
  };
}
