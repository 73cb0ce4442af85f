// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { libraryPages } from "../../scripts/docs/library-pages.ts";

const folder = join(import.meta.dirname, "../../docs/library");
const pages = libraryPages();

describe("docs/library", () => {
  it("has a page for each pack, and no other", () =>
    expect(readdirSync(folder).toSorted()).toEqual([...pages.keys()].toSorted()));

  it.each([...pages])("%s is up to date", (name, text) =>
    expect(
      readFileSync(join(folder, name), "utf8"),
      "run: node scripts/docs/generate-library.ts",
    ).toBe(text),
  );
});
