// SPDX-License-Identifier: Apache-2.0
// Writes docs/policy-language.md.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { policyLanguagePage } from "./policy-language-page.ts";

await writeFile(join(import.meta.dirname, "../../docs/policy-language.md"), policyLanguagePage());
