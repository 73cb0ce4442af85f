// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { definitionPath, generatedFiles } from "./generated-files.ts";
import { kinds } from "./kinds.ts";

const repository = new URL("../../../", import.meta.url);
const files = generatedFiles();

it.each([...files])("%s is up to date", (path, content) => {
  expect(
    readFileSync(new URL(path, repository), "utf8") === content,
    "run: pnpm --filter @gander/crd-schemas generate",
  ).toBe(true);
});

it("the chart has no other definitions", () => {
  const found = readdirSync(new URL("charts/gander-crds/generated/", repository));
  expect(found.map((name) => `charts/gander-crds/generated/${name}`).sort()).toEqual(
    kinds.map(definitionPath).sort(),
  );
});

describe.each(kinds.map((kind) => [kind.kind, files.get(definitionPath(kind)) ?? ""]))(
  "the definition of %s",
  (_, content) => {
    // As kubectl keeps it in an annotation, which may have 256 KB; Go escapes these for HTML.
    const compact = JSON.stringify(parse(content)).replace(/[<>&]/g, "\\u0000");

    it("is small enough for a plain kubectl apply", () => {
      expect(compact.length).toBeLessThan(125_000);
      expect(content.length).toBeLessThan(125_000);
    });

    it("is nothing that Helm would take for a template", () => {
      expect(content).not.toContain("{{");
    });
  },
);
