// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { errorsPage } from "../src/errors-page.ts";

const file = new URL("../../../docs/reference/errors.md", import.meta.url);
mkdirSync(new URL(".", file), { recursive: true });
writeFileSync(file, errorsPage());
