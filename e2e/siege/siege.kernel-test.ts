// SPDX-License-Identifier: Apache-2.0
// A short siege; `make siege` runs a long one. And its report when a guard is missing.
import assert from "node:assert/strict";
import { release } from "node:os";
import { describe, test } from "node:test";
import { plainPolicy } from "../tests/lib/plain-policy.ts";
import { guardsFor } from "./guards.ts";
import { type SiegeOptions, siege } from "./siege.ts";

/** Leaves out the lines about single acts. */
const log = (line: string) => {
  if (!line.startsWith(" ")) console.log(line);
};
const guards = guardsFor(release().split(".").slice(0, 2).join("."));
const options = (steps: number): SiegeOptions => ({
  ...{ seed: 8, guards, steps, durationMs: 90_000, log },
});

describe("a siege", () => {
  test("nothing forbidden is done, nothing innocent is refused, all is counted", {
    timeout: 1_500_000,
  }, async () => {
    const tally = await siege(options(5));
    assert.deepEqual(tally.violations, []);
    assert.ok(tally.attacksRefused > 5 && tally.innocentDone > 3, JSON.stringify(tally));
    assert.ok(tally.loopAttempts > 50, JSON.stringify(tally));
  });

  test("it tells when guards are missing and when innocent deeds are refused", {
    timeout: 1_500_000,
  }, async () => {
    const missing = ["guard-files-list", "guard-net-allowed", "guard-programs", "guard-entries"];
    const others = guards.filter(({ name }) => !missing.includes(name));
    const unjust = plainPolicy({
      ...{ name: "unjust", prefix: "/srv/open/", actions: ["- action: Sigkill"] },
    });
    const { violations } = await siege({ ...options(2), guards: others, policies: { unjust } });
    const words = violations.map(({ what }) => what).join("\n");
    assert.match(words, /the loop "write, not on the list": .*"succeeded":[1-9]/);
    assert.match(words, /the loop "connect": .*"succeeded":[1-9]/);
    assert.match(words, /the listener says: accepted/);
    assert.match(words, /attack: .*: it was done/);
    assert.match(words, /the loop "write elsewhere": .*"killed":[1-9]/);
    assert.match(words, /innocent: .*: it was not done \(ended by SIGKILL\)/);
  });
});
