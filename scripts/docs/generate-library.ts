// SPDX-License-Identifier: Apache-2.0
// Writes docs/library/.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { libraryPages } from "./library-pages.ts";

const folder = join(import.meta.dirname, "../../docs/library");
const pages = libraryPages();
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
for (const [name, text] of pages) await writeFile(join(folder, name), text);
