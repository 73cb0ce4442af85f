// SPDX-License-Identifier: Apache-2.0
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkPolicyFile, clusterStandIns, formatProblems, useSets } from "@gander/policy";
import { describe, expect, it } from "vitest";
import { findCommand } from "./commands.ts";

const ROOT = join(import.meta.dirname, "../../..");
const PAGES = [...globSync("*.md", { cwd: ROOT }), ...globSync("docs/**/*.md", { cwd: ROOT })];

/** Command lines of `gander` in blocks of code and between backticks. */
function commandLines(page: string): readonly string[] {
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, code = ""]) =>
    code.split("\n"),
  );
  const inline = [...page.replaceAll(/```[\s\S]*?```/g, "").matchAll(/`([^`\n]+)`/g)].map(
    ([, code = ""]) => code,
  );
  return [...blocks, ...inline]
    .map((line) => /(?:^|[|(&;] *|\bsudo )gander ([^|&;)#]*)/.exec(line)?.[1]?.trim())
    .filter((line) => line !== undefined);
}

describe.each(PAGES)("%s", (path) => {
  const page = readFileSync(join(ROOT, path), "utf8");

  it("names commands and options that exist", async () => {
    for (const line of commandLines(page)) {
      const words = line.split(/\s+/);
      if (words[0] === "COMMAND" || words[0]?.startsWith("--") || words[0] === "…") continue;
      // A group such as `gander policy` is not a command by itself.
      if (words.length === 1 && ["attack", "policy"].includes(words[0] ?? "")) continue;
      const found = findCommand(words);
      expect(found, `gander ${line}`).toBeDefined();
      const command = await found?.entry.load();
      for (const [, option = ""] of line.matchAll(/(?:^| )--([a-z-]+)/g))
        if (option !== "help") expect(command?.optionNames, `gander ${line}`).toContain(option);
    }
  });

  it("shows policies that are right", () => {
    for (const [, yaml = ""] of page.matchAll(/```yaml\n([\s\S]*?)```/g)) {
      // A part of a policy is shown without its head.
      if (!/^kind: (Tracing|Guard)Policy/m.test(yaml)) continue;
      const { value, problems = [] } = checkPolicyFile(yaml, { file: path });
      const policies = value?.policies ?? [];
      const sets = [...(value?.sets ?? []), ...clusterStandIns(policies)];
      const known = new Map(sets.map((set) => [set.name, set]));
      const used = policies.flatMap((policy) => useSets(policy, known).problems ?? []);
      expect(formatProblems([...problems, ...used], { color: false })).toBe("");
    }
  });

  it("links to what is there", () => {
    const prose = page.replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "");
    for (const [, target = ""] of prose.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^https?:/.test(target)) continue;
      expect(existsSync(join(ROOT, dirname(path), target)), target).toBe(true);
    }
  });
});

describe.each(["ARCHITECTURE.md", "CONTRIBUTING.md"])("source files in %s", (path) => {
  it("exist", () => {
    const page = readFileSync(join(ROOT, path), "utf8");
    const exclude = (name: string) => name.includes("node_modules") || name.includes("/build");
    const files = globSync("{bpf,packages,e2e,policies,scripts}/**/*.{ts,c,h}", {
      cwd: ROOT,
      exclude,
    });
    const named = [...page.matchAll(/`([\w./-]+\.(?:ts|c|h))`/g)].map(([, name = ""]) => name);
    expect(named.length).toBeGreaterThan(4);
    for (const name of named) {
      // `x.test.ts` stands for all of them.
      if (/^x\./.test(name)) continue;
      const plain = name.replace(/^src\//, "");
      expect(
        files.some((file) => file === plain || file.endsWith(`/${plain}`)),
        name,
      ).toBe(true);
    }
  });
});

describe("the unit file", () => {
  it("starts a command that is right", async () => {
    const unit = readFileSync(join(ROOT, "docs/gander.service"), "utf8");
    const lines = [...unit.matchAll(/^Exec\w+=\S*gander (.*)$/gm)].map(([, line = ""]) =>
      line.split(" "),
    );
    expect(lines.length).toBe(2);
    for (const words of lines) {
      const found = findCommand(words);
      const known = (await found?.entry.load())?.optionNames;
      for (const word of words) if (word.startsWith("--")) expect(known).toContain(word.slice(2));
    }
  });
});
