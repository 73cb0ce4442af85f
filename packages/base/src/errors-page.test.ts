// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { errorsPage } from "./errors-page.ts";

it("docs/reference/errors.md is up to date", () => {
  const file = new URL("../../../docs/reference/errors.md", import.meta.url);
  expect(readFileSync(file, "utf8"), "run: pnpm --filter @gander/base generate").toBe(errorsPage());
});
