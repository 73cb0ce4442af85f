// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import type { AttackResult } from "../../tests/lib/attack.ts";

/** Runs a program to its end, beside others; one that hangs is stopped by SIGABRT. */
export function runProgram(argv: readonly string[], timeoutMs = 120_000): Promise<AttackResult> {
  return new Promise((done) => {
    const child = spawn(argv[0] ?? "", argv.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
    const output: string[] = [];
    const errors: string[] = [];
    child.stdout.setEncoding("utf8").on("data", (text: string) => void output.push(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => void errors.push(text));
    const timer = setTimeout(() => child.kill("SIGABRT"), timeoutMs);
    const finish = (status: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(timer);
      done({ status, signal, output: output.join(""), errors: errors.join("") });
    };
    child.on("error", ({ message }) => {
      errors.push(message);
      finish(127, null);
    });
    child.on("close", finish);
    // A grandchild may hold the pipes open.
    child.on("exit", () => {
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 2000).unref();
    });
  });
}
