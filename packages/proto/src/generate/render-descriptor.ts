// SPDX-License-Identifier: Apache-2.0
import type protobuf from "protobufjs";

/** The parsed files as a module, so that a program needs neither the files nor a parser. */
export function renderDescriptor(root: protobuf.Root): string {
  const json = JSON.stringify(root.toJSON({ keepComments: false }), null, 1);
  return [
    "// SPDX-License-Identifier: Apache-2.0",
    "// Generated from proto/ by scripts/generate.ts; do not edit.",
    "",
    `export const descriptor: Readonly<Record<string, object>> = ${json};`,
    "",
  ].join("\n");
}
