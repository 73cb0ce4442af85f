// SPDX-License-Identifier: Apache-2.0
import type protobuf from "protobufjs";

/** The parsed files as a module, so that a program needs neither files nor a parser. */
export function renderDescriptor(root: protobuf.Root): string {
  return [
    "// SPDX-License-Identifier: Apache-2.0",
    "// Generated from proto/ by scripts/generate.ts; do not edit.",
    "",
    `export const descriptor: Readonly<Record<string, object>> = ${compact(root.toJSON({ keepComments: false }))};`,
    "",
  ].join("\n");
}

/** One line per message, enum and service, so that a diff names what has changed. */
function compact({ nested, ...own }: protobuf.INamespace): string {
  const text = JSON.stringify(own);
  if (nested === undefined) return text;
  const items = Object.entries(nested).map(
    ([name, item]) => `${JSON.stringify(name)}:${compact(item)}`,
  );
  const head = text === "{}" ? "{" : `${text.slice(0, -1)},`;
  return `${head}"nested":{\n${items.join(",\n")}}}`;
}
