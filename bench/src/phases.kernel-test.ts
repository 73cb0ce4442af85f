// SPDX-License-Identifier: Apache-2.0
// Measurements work: a little of each that needs no bundle, on an ordinary clock. Figures mean nothing here.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exec } from "./phases/exec.ts";
import { syscall } from "./phases/syscall.ts";

const options = { rounds: 1, scale: 0.03, log: () => {} };

for (const phase of [syscall, exec]) {
  test(`${phase.name} can be measured`, async () => {
    const figures = await phase.measure(options);
    const bare = figures.find(({ id }) => id.endsWith("bare"));
    assert.ok(bare !== undefined && bare.value > 0, JSON.stringify(figures));
    assert.ok(figures.length > 1);
  });
}
