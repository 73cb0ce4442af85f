// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { parseProtoFiles, streamFiles } from "../src/generate/proto-files.ts";
import { renderDescriptor } from "../src/generate/render-descriptor.ts";
import { renderMessageTypes } from "../src/generate/render-message-types.ts";

for (const [folder, root] of [
  ["", parseProtoFiles()],
  ["stream/", parseProtoFiles(streamFiles)],
] as const) {
  const target = (name: string) => new URL(`../src/${folder}${name}`, import.meta.url);
  writeFileSync(target("descriptor.gen.ts"), renderDescriptor(root));
  writeFileSync(target("messages.gen.ts"), renderMessageTypes(root));
}
