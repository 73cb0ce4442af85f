// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  actionRows,
  argOperatorsByName,
  argTypesByName,
  hookKindNames,
  hookSections,
  originWords,
  processPropertyNames,
} from "../../packages/crd-schemas/src/index.ts";
import { filterFields } from "../../packages/policy/src/compile/compile-selector.ts";
import { policyLanguagePage } from "../../scripts/docs/policy-language-page.ts";

const read = (name: string) => readFileSync(join(import.meta.dirname, "../../docs", name), "utf8");
const page = read("policy-language.md");

describe("docs/policy-language.md", () => {
  it("is up to date", () =>
    expect(page, "run: node scripts/docs/generate-policy-language.ts").toBe(policyLanguagePage()));

  it("has a row or a part of one for every word", () => {
    const cells = page.split("\n").filter((line) => line.startsWith("| "));
    const words = [
      ...[...argTypesByName.keys(), ...argOperatorsByName.keys(), ...hookSections],
      ...[...filterFields, ...processPropertyNames, ...originWords],
      ...[
        ...actionRows.map(({ name }) => name),
        ...hookKindNames.filter((kind) => kind === "loader"),
      ],
    ];
    for (const word of words)
      expect(
        cells.some((cell) => cell.includes(`\`${word}\``)),
        word,
      ).toBe(true);
  });

  it.each(["policy-language.md", "policies.md"])("links in %s lead to headings", (name) => {
    const links = [...read(name).matchAll(/\]\(((?:policies|policy-language)\.md)?#([\w-]+)\)/g)];
    expect(links.length).toBeGreaterThan(10);
    for (const [, file = name, anchor] of links) expect(anchors(file), file).toContain(anchor);
  });
});

const anchors = (name: string): readonly string[] =>
  [...read(name).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
