// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";

export type Ended = {
  readonly pid: number;
  /** As a shell has it: 128 + the number of the signal that ended it. */
  readonly status: number;
  readonly output: string;
};

const SIGNALS: Readonly<Record<string, number>> = { SIGKILL: 9, SIGTERM: 15, SIGPIPE: 13 };

/** Runs a program to its end, with what it prints on either stream. */
export async function runCommand(command: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  const status = signal === null ? (code ?? -1) : 128 + (SIGNALS[signal] ?? 0);
  return { pid: child.pid ?? -1, status, output };
}
