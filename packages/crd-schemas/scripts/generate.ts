// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { generatedFiles } from "../src/generated-files.ts";

const repository = new URL("../../../", import.meta.url);
for (const [path, content] of generatedFiles()) {
  const file = new URL(path, repository);
  mkdirSync(new URL(".", file), { recursive: true });
  writeFileSync(file, content);
  console.log(`${path}: ${content.length} bytes`);
}
