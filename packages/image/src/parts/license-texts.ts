// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import type { Part } from "./part.ts";

/** The licences of all parts in one text, as most of them ask for. */
export async function licenseTexts(parts: readonly Part[]): Promise<string> {
  const sections = parts.map(async ({ name, version, license, licenseFiles }) => {
    const texts = await Promise.all(licenseFiles.map((file) => readFile(file, "utf8")));
    return [`${name} ${version}: ${license}`, ...texts].map((text) => text.trim()).join("\n\n");
  });
  return `${(await Promise.all(sections)).join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}
