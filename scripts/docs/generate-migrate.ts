// SPDX-License-Identifier: Apache-2.0
// Writes the tables of docs/migrate.md.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withMigrateTables } from "./migrate-tables.ts";

const file = join(import.meta.dirname, "../../docs/migrate.md");
await writeFile(file, withMigrateTables(await readFile(file, "utf8")));
