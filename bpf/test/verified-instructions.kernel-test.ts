// SPDX-License-Identifier: Apache-2.0
// The cost of loading a program does not grow unnoticed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  baselineFile,
  measureVerifiedInstructions,
  runningKernel,
  type VerifiedInstructions,
} from "./verified-instructions.ts";

const tolerance = 1.1;
const renew = "If it is worth it, renew the baseline: node bpf/test/verified-instructions.ts";

test("the verifier walks no more than 10 % above the baseline", async () => {
  const baselines: Record<string, VerifiedInstructions> = JSON.parse(
    readFileSync(baselineFile, "utf8"),
  );
  const measured = await measureVerifiedInstructions();
  // On a kernel without one, that it accepts all programs.
  const baseline = baselines[runningKernel()] ?? measured;
  assert.deepEqual(Object.keys(measured).sort(), Object.keys(baseline).sort(), renew);
  for (const [program, instructions] of Object.entries(measured)) {
    const before = baseline[program] ?? 0;
    assert.ok(
      instructions <= before * tolerance,
      `${program}: ${instructions} instructions, ${before} in the baseline. ${renew}`,
    );
  }
});
