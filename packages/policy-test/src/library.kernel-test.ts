// SPDX-License-Identifier: Apache-2.0
// The policy library: what each policy's test says happens on this kernel.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import { type CheckedSet, checkPolicyFile, useSets } from "@gander/policy";
import { readPolicyTest } from "./index.ts";
import { runLive, startTestNode, type TestNode } from "./live/index.ts";

const library = join(import.meta.dirname, "../../../policies");
const files = globSync("*/*/gander-test.yaml", { cwd: library }).toSorted();
const only = process.env.GANDER_LIBRARY;

describe("the policy library", () => {
  let node: TestNode;
  before(async () => {
    node = await startTestNode();
  });
  after(() => node?.[Symbol.asyncDispose]());

  for (const file of files.filter((one) => only === undefined || one.includes(only)))
    test(dirname(file), async () => {
      const path = join(library, file);
      const { value, problems = [] } = readPolicyTest(readFileSync(path, "utf8"), file);
      assert.deepEqual(problems, []);
      assert.ok(value);
      const read = value.policies.map((name) => {
        const at = join(dirname(path), name);
        const checked = checkPolicyFile(readFileSync(at, "utf8"), { file: relative(library, at) });
        assert.deepEqual(checked.problems ?? [], []);
        return checked.value;
      });
      const sets = new Map<string, CheckedSet>(
        read.flatMap((one) => one?.sets ?? []).map((set) => [set.name, set]),
      );
      const policies = read
        .flatMap((one) => one?.policies ?? [])
        .map((policy) => useSets(policy, sets).value?.compiled ?? assert.fail("sets"));
      const results = await runLive(node, value, policies);
      const wrong = results.filter(({ expected, verdict }) => expected !== verdict);
      assert.deepEqual(
        wrong.map(({ name, expected, verdict, why }) => `${name}: ${expected}, is ${verdict} (${why})`),
        [],
      );
    });
});
