// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { test } from "node:test";

test("leaves a mount behind", () => {
  execFileSync("mount", ["-t", "tmpfs", "forgotten", "/home"]);
});
