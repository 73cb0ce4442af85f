// SPDX-License-Identifier: Apache-2.0
// What `gander policy explain` proposes can be hooked.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { suggestedFunctions } from "../../packages/policy/src/explain/hook-notes.ts";

test("each function that an explanation names is one of this kernel", () => {
  const known = new Set(
    readFileSync("/proc/kallsyms", "utf8")
      .split("\n")
      .map((line) => line.split(/\s+/)[2]),
  );
  assert.ok(suggestedFunctions.length > 40);
  assert.deepEqual(
    suggestedFunctions.filter((name) => !known.has(name)),
    [],
  );
});
