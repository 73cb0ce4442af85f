// SPDX-License-Identifier: Apache-2.0
// The policy library: what each policy's test says happens on this kernel, and the reference engine says the same, by
// the same selector. On all but the newest kernel only those of level guard, which every pod has: tests of bpf/ ask
// each kernel for what the others are made of. Any of them by hand:
//   e2e/vm --kernel 6.1 --timeout 900 -- env GANDER_LIBRARY=REGEX node --test packages/policy-test/src/library.kernel-test.ts
import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type CaseResult, type LoadedTest, loadPolicyTest } from "./index.ts";
import { libraryFolder } from "./library-folder.ts";
import { runLive, startTestNode, type TestNode } from "./live/index.ts";
import { runReference } from "./reference/index.ts";

const library = libraryFolder();
const wanted = process.env.GANDER_LIBRARY;

const tests = globSync("*/*/gander-test.yaml", { cwd: library })
  .filter((file) => new RegExp(wanted ?? "").test(file))
  .toSorted()
  .map(load)
  .filter((one) => wanted !== undefined || !release().startsWith("6.1.") || isGuard(one));

function load(file: string): LoadedTest {
  const { value, problems = [] } = loadPolicyTest(join(library, file));
  assert.ok(value, problems.map(({ file: at, message }) => `${at}: ${message}`).join("\n"));
  return value;
}

function isGuard({ policies }: LoadedTest): boolean {
  return policies.some(({ policy }) => policy.metadata.labels?.["gander.dev/level"] === "guard");
}

const ending = ({ name, verdict, decision }: CaseResult) =>
  [name, verdict, ...(decision ? [decision.entry, decision.selector] : [])].join(" ");

describe("the policy library", () => {
  let node: TestNode;
  before(async () => {
    node = await startTestNode();
  });
  after(() => node?.[Symbol.asyncDispose]());

  for (const { file, test: cases, policies } of tests)
    test(dirname(file).slice(library.length + 1), async () => {
      const compiled = policies.map((one) => one.compiled);
      const results = await runLive(node, cases, compiled);
      const wrong = results.filter(({ expected, verdict }) => expected !== verdict);
      assert.deepEqual(
        wrong.map(
          ({ name, expected, verdict, why }) => `${name}: ${expected}, is ${verdict} (${why})`,
        ),
        [],
      );
      const modelled = runReference(cases.cases, compiled);
      assert.deepEqual(modelled.map(ending), results.map(ending));
    });
});
