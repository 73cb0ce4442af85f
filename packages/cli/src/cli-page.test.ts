// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cliPage } from "./cli-page.ts";
import { COMMANDS, findCommand } from "./commands.ts";

describe("docs/cli.md", () => {
  it("is what the tables say (else: pnpm --filter @gander/cli generate)", async () => {
    const page = await readFile(join(import.meta.dirname, "../../../docs/cli.md"), "utf8");
    expect(page).toBe(await cliPage(COMMANDS));
  });
});

describe("examples", () => {
  it("name commands and options that exist", async () => {
    for (const { load } of COMMANDS) {
      for (const example of (await load()).examples) {
        const line = /\bgander ([^|&<>)]+)/.exec(example)?.[1] ?? "";
        const found = findCommand(line.trim().split(/\s+/));
        expect(found, example).toBeDefined();
        const known = (await found?.entry.load())?.optionNames ?? [];
        for (const [, option] of line.matchAll(/ --([a-z-]+)/g))
          expect(known, example).toContain(option);
      }
    }
  });
});
