// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("scripts/gander is the command, from any directory", () => {
  const script = fileURLToPath(new URL("../../../scripts/gander", import.meta.url));
  const examples = fileURLToPath(new URL("../../../policies/examples", import.meta.url));
  const said = execFileSync(script, ["policy", "check", "detect-tmp-exec.yaml"], { cwd: examples });
  expect(`${said}`).toBe("detect-tmp-exec.yaml: ok: detect-tmp-exec (mode monitor-only)\n");
});

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

it("SIGTERM ends a check at any time", async () => {
  const directory = mkdtempSync(join(tmpdir(), "gander-main-"));
  try {
    const file = join(directory, "policy.yaml");
    execFileSync("mkfifo", [file]);
    const check = spawn(process.execPath, [main, "policy", "check", file], { stdio: "ignore" });
    const ended = once(check, "exit");
    // Opens when the other side does: the check has begun, and waits for a text that never comes.
    await using writer = await open(file, "w");
    check.kill("SIGTERM");
    expect(await ended).toEqual([null, "SIGTERM"]);
    await writer.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
