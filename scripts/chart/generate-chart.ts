// SPDX-License-Identifier: Apache-2.0
// Writes what follows from tables in charts/gander.
import { writeFile } from "node:fs/promises";
import { chartFiles } from "./chart-files.ts";

for (const { path, text } of chartFiles()) await writeFile(path, text);
