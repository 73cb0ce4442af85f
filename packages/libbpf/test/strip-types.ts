// SPDX-License-Identifier: Apache-2.0
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * A copy of this package in JavaScript, as it is released. Node strips types with WebAssembly, in
 * each thread anew, and V8's registry of code pages fails now and then when such a worker is
 * terminated ("Check failed: it->second.Size() > offset"): in 2 of 6 runs of workers that import
 * these modules and do nothing, without the addon; from JavaScript in none of 50 runs with
 * everything open. nodejs/node issue 64500 describes the like.
 */
export function stripPackage(): string {
  const from = fileURLToPath(new URL("..", import.meta.url));
  const to = mkdtempSync(join(tmpdir(), "libbpf-js-"));
  writeFileSync(join(to, "package.json"), '{ "type": "module" }');
  cpSync(join(from, "build/libbpf.node"), join(to, "build/libbpf.node"));
  cpSync(join(from, "build/test"), join(to, "build/test"), { recursive: true });
  stripFolders(from, to, ["src", "test"]);
  const btf = join(to, "node_modules/@gander/btf");
  stripFolders(join(from, "../btf"), btf, ["src"]);
  writeFileSync(join(btf, "package.json"), '{ "type": "module", "exports": "./src/index.js" }');
  return to;
}

function stripFolders(from: string, to: string, folders: readonly string[]): void {
  for (const folder of folders) {
    mkdirSync(join(to, folder), { recursive: true });
    for (const file of readdirSync(join(from, folder))) {
      if (!file.endsWith(".ts")) continue;
      const code = stripTypeScriptTypes(readFileSync(join(from, folder, file), "utf8"));
      const script = file.replace(/ts$/, "js");
      writeFileSync(join(to, folder, script), code.replaceAll('.ts"', '.js"'));
    }
  }
}
