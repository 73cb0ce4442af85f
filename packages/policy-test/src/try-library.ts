// SPDX-License-Identifier: Apache-2.0
// The policy library: what each policy's test says happens on this kernel, and the reference engine says the same, by
// the same selector. It is no test of the suite yet; by hand:
//   e2e/vm --kernel 6.12 --timeout 900 -- node packages/policy-test/src/try-library.ts   [GANDER_LIBRARY=REGEX]
import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type CaseResult, loadPolicyTest } from "./index.ts";
import { runLive, startTestNode, type TestNode } from "./live/index.ts";
import { runReference } from "./reference/index.ts";

const library = join(import.meta.dirname, "../../../policies");
const files = globSync("*/*/gander-test.yaml", { cwd: library }).toSorted();
const only = process.env.GANDER_LIBRARY ?? "";

const ending = ({ name, verdict, decision }: CaseResult) =>
  [name, verdict, ...(decision ? [decision.entry, decision.selector] : [])].join(" ");

describe("the policy library", () => {
  let node: TestNode;
  before(async () => {
    node = await startTestNode();
  });
  after(() => node?.[Symbol.asyncDispose]());

  for (const file of files.filter((one) => new RegExp(only).test(one)))
    test(dirname(file), async () => {
      const { value, problems = [] } = loadPolicyTest(join(library, file));
      assert.ok(value, problems.map(({ file: at, message }) => `${at}: ${message}`).join("\n"));
      const policies = value.policies.map(({ compiled }) => compiled);
      const results = await runLive(node, value.test, policies);
      const wrong = results.filter(({ expected, verdict }) => expected !== verdict);
      const here = results.map(ending);
      assert.deepEqual(runReference(value.test.cases, policies).map(ending), here);
      assert.deepEqual(
        wrong.map(
          ({ name, expected, verdict, why }) => `${name}: ${expected}, is ${verdict} (${why})`,
        ),
        [],
      );
    });
});
