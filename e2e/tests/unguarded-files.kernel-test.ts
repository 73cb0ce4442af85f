// SPDX-License-Identifier: Apache-2.0
// Every attack gets through where nobody guards: otherwise the tests with a guard mean nothing.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { describeResult, UNSUPPORTED } from "./lib/attack.ts";
import { execAttacks, startProgram } from "./lib/exec-attacks.ts";
import { fileAttacks, Target } from "./lib/file-attacks.ts";

describe("unguarded files", () => {
  for (const way of fileAttacks)
    test(`${way.method}, ${way.route}`, (t) => {
      using target = new Target("/etc/attacked");
      assert.equal(target.landed(), false);
      const result = target.attack(way);
      if (!way.everywhere && result.status === UNSUPPORTED) return t.skip(result.errors.trim());
      assert.equal(target.landed(), true, describeResult(result));
    });
});

describe("unguarded program starts", () => {
  for (const { method } of execAttacks)
    test(method, () => {
      const result = startProgram(method);
      assert.equal(result.output, "ran\n", describeResult(result));
    });
});
