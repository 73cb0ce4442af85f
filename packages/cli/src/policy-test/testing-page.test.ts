// SPDX-License-Identifier: Apache-2.0
// docs/testing-policies.md: its files are written, its commands run, and their output is what the page shows.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { operations } from "@gander/policy-test";
import { expect, test } from "vitest";
import { repository } from "../check/test-check.ts";

const root = join(import.meta.dirname, "../../../..");
const page = readFileSync(join(root, "docs/testing-policies.md"), "utf8");
const main = join(root, "packages/cli/src/main.ts");

const files = Object.fromEntries(
  [...page.matchAll(/```yaml\n# (\S+)\n([\s\S]*?)```/g)].map(([, name = "", text = ""]) => [
    name,
    text,
  ]),
);
const blocks = [...page.matchAll(/```console\n([\s\S]*?)```/g)].map(([, text = ""]) => text);

test("each command prints what the page shows", { timeout: 120_000 }, () => {
  expect(blocks.length).toBeGreaterThan(3);
  using directory = repository(files);
  mkdirSync(join(directory.root, "first"));
  cpSync(join(directory.root, "policy.yaml"), join(directory.root, "first/policy.yaml"));
  // The first test of the page is alone in its folder.
  const inOwnFolder: Readonly<Record<string, string>> = { ".": "own" };
  mkdirSync(join(directory.root, "own"));
  for (const name of ["policy.yaml", "gander-test.yaml"])
    cpSync(join(directory.root, name), join(directory.root, "own", name));
  for (const block of blocks) {
    let shown = "";
    for (const [, line = ""] of block.matchAll(/^\$ gander (.*)$/gm)) {
      const args = line.split(" ");
      const folder = inOwnFolder[args.at(-1) ?? ""] ?? "";
      const { stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
        cwd: join(directory.root, folder),
        encoding: "utf8",
      });
      shown += `$ gander ${line}\n${stderr}${stdout}`;
    }
    expect(shown).toBe(block);
  }
});

test("all operations are named", () => {
  for (const name of Object.keys(operations)) expect(page).toContain(`\`${name}\``);
});
