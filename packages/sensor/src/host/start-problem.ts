// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** The kubelet creates it, and shows the first 4096 bytes as the reason why the container ended. */
const terminationLog = "/dev/termination-log";

/**
 * Keeps the reason why a start failed where people look for it: in the status of the pod, and in `file`,
 * which `gander status` reads. A place that cannot be written is left out: the log has the reason, too.
 */
export function keepStartProblem(problem: string, file: string): void {
  if (existsSync(terminationLog)) unlessDenied(() => writeFileSync(terminationLog, problem));
  unlessDenied(() => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, `${problem}\n`, { mode: 0o600 });
  });
}

/** The sensor has started. */
export function forgetStartProblem(file: string): void {
  unlessDenied(() => rmSync(file, { force: true }));
}

function unlessDenied(task: () => void): void {
  try {
    task();
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
  }
}
