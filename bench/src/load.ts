// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { repository } from "./repository.ts";

const program = join(repository, "bench/build/load");

export type Call =
  | "pread"
  | "pread-fresh"
  | "open"
  | "open-write"
  | "getpid"
  | "connect-udp"
  | "connect-tcp"
  | "send"
  | "exec";

/** How many calls are timed: `batches` of `size`. */
export type Extent = { readonly batches: number; readonly size: number };

/** Nanoseconds of one call: the median over batches (bench/load/calls.c). */
export function timeCall(call: Call, { batches, size }: Extent, file?: string): number {
  return runLoad("calls", call, batches, size, ...(file === undefined ? [] : [file]))[0] ?? NaN;
}

/** Waits until threads of this process and kernel workers have finished their pending work. */
export const quiet = () => sleep(500);

/** Runs the load program to its end; returns the numbers that it prints. @throws Error if it fails. */
export function runLoad(mode: string, ...args: readonly (string | number)[]): number[] {
  const { status, signal, stdout, stderr } = spawnSync(program, [mode, ...args.map(String)], {
    encoding: "utf8",
  });
  if (status !== 0)
    throw new Error(`bench/build/load ${mode} ${args.join(" ")}: ${signal ?? status} ${stderr}`);
  return stdout.trim().split(/\s+/).map(Number);
}

/** Runs it beside everything else. */
export function startLoad(
  mode: string,
  args: readonly (string | number)[],
  stdin: "ignore" | "pipe" = "ignore",
): RunningLoad {
  const child = spawn(program, [mode, ...args.map(String)], { stdio: [stdin, "pipe", "inherit"] });
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const ended = new Promise<number[]>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) =>
      status === 0 || signal === "SIGTERM"
        ? resolve(output.trim().split(/\s+/).filter(Boolean).map(Number))
        : reject(new Error(`bench/build/load ${mode}: ${signal ?? status}`)),
    );
  });
  return { process: child, ended };
}

export type RunningLoad = {
  readonly process: ChildProcess;
  /** The numbers that it prints. */
  readonly ended: Promise<number[]>;
};
