// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { test } from "node:test";

test("takes the guest with it", () => {
  process.stdout.write("half a line");
  writeFileSync("/proc/sysrq-trigger", "c");
});
