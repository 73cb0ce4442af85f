// SPDX-License-Identifier: Apache-2.0
// The policy library: what each policy's test says happens on this kernel, and the reference engine says the same, by
// the same selector. Some of it by hand:
//   e2e/vm --kernel 6.12 --timeout 900 -- env GANDER_LIBRARY=REGEX node --test packages/policy-test/src/library.kernel-test.ts
import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type CaseResult, type LoadedTest, loadPolicyTest } from "./index.ts";
import { libraryFolder } from "./library-folder.ts";
import { runLive, startTestNode, type TestNode } from "./live/index.ts";
import { runReference } from "./reference/index.ts";

const library = libraryFolder();
const only = new RegExp(process.env.GANDER_LIBRARY ?? "");
const tests = globSync("*/*/gander-test.yaml", { cwd: library })
  .filter((file) => only.test(file))
  .toSorted()
  .map(load);

function load(file: string): LoadedTest {
  const { value, problems = [] } = loadPolicyTest(join(library, file));
  assert.ok(value, problems.map(({ file: at, message }) => `${at}: ${message}`).join("\n"));
  return value;
}

const compiledOf = ({ policies }: LoadedTest) => policies.map(({ compiled }) => compiled);

const ending = ({ name, verdict, decision }: CaseResult) =>
  [name, verdict, ...(decision ? [decision.entry, decision.selector] : [])].join(" ");

describe("the policy library", () => {
  let node: TestNode;
  before(async () => {
    node = await startTestNode();
    await node.keep(tests.flatMap(compiledOf));
  });
  after(() => node?.[Symbol.asyncDispose]());

  for (const one of tests)
    test(dirname(one.file).slice(library.length + 1), async () => {
      const results = await runLive(node, one.test, compiledOf(one));
      const wrong = results.filter(({ expected, verdict }) => expected !== verdict);
      assert.deepEqual(
        wrong.map(
          ({ name, expected, verdict, why }) => `${name}: ${expected}, is ${verdict} (${why})`,
        ),
        [],
      );
      const modelled = runReference(one.test.cases, compiledOf(one));
      assert.deepEqual(modelled.map(ending), results.map(ending));
    });
});
