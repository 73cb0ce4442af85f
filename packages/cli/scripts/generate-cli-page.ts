// SPDX-License-Identifier: Apache-2.0
// Writes docs/cli.md.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cliPage } from "../src/cli-page.ts";
import { COMMANDS } from "../src/commands.ts";

const page = join(import.meta.dirname, "../../../docs/cli.md");
await writeFile(page, await cliPage(COMMANDS));
