// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export type DaemonOptions = {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Its output is appended to this file. */
  readonly logFile: string;
  /** A process whose network namespace it runs in; this process's own if absent. */
  readonly networkOf?: number;
};

/** A server that runs beside the tests, and never longer than this process. */
export type Daemon = {
  readonly name: string;
  readonly pid: number;
  /** How it ended; undefined while it runs. */
  readonly ending: string | undefined;
  /** Polls until the answer is true. Throws with the end of the log when it ends or takes too long. */
  whenReady(ask: () => Promise<boolean>, timeoutMs: number): Promise<void>;
  /** SIGTERM, and SIGKILL after `graceMs` (10,000 if absent); or SIGKILL at once. */
  stop(how?: { readonly signal?: "SIGTERM" | "SIGKILL"; readonly graceMs?: number }): Promise<void>;
};

export function startDaemon(options: DaemonOptions): Daemon {
  const { name, program, args, logFile, networkOf } = options;
  const log = openSync(logFile, "a");
  // A killed test runner can't clean up after itself: the kernel does.
  const enter = networkOf === undefined ? [] : ["nsenter", `--net=/proc/${networkOf}/ns/net`, "--"];
  const words = ["--pdeathsig", "KILL", "--", ...enter, program, ...args];
  const child = spawn("setpriv", words, { stdio: ["ignore", log, log] });
  closeSync(log);
  let ending: string | undefined;
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      ending = error.message;
      resolve();
    });
    child.once("exit", (status, signal) => {
      ending = signal === null ? `status ${status}` : signal;
      resolve();
    });
  });
  const failure = (what: string) =>
    new Error(`Cannot start ${name}: ${what}. It said last:\n${lastLines(logFile, 20)}`);

  return {
    name,
    pid: child.pid ?? 0,
    get ending() {
      return ending;
    },
    async whenReady(ask, timeoutMs) {
      const end = performance.now() + timeoutMs;
      while (!(await ask().catch(() => false))) {
        if (ending !== undefined) throw failure(`it ended with ${ending}`);
        if (performance.now() > end) throw failure(`it is not ready after ${timeoutMs} ms`);
        await sleep(50);
      }
    },
    async stop({ signal = "SIGTERM", graceMs = 10_000 } = {}) {
      if (ending !== undefined) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

function lastLines(file: string, count: number): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-count).join("\n");
}
