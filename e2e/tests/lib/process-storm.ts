// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { attackProgram, describeResult, run } from "./attack.ts";

/** A process of a storm, as it saw itself. Times are in nanoseconds since 1970. */
export interface StormProcess {
  readonly index: number;
  readonly pid: number;
  readonly parentPid: number;
  readonly beforeFork: bigint;
  readonly inMain: bigint;
  /** Wait status: exit code << 8 or signal number. */
  readonly status: number;
}

export type StormKind = "exec" | "spawn" | "threads" | "fork" | "tree";

/** Starts `count` processes as fast as the guest can. */
export function processStorm(kind: StormKind, count: number, workers: number): StormProcess[] {
  const table = `/run/storm-${kind}`;
  const argv = ["storm", kind, `${count}`, `${workers}`, table];
  const result = run(attackProgram, argv, 900_000);
  if (result.status !== 0) throw new Error(`The storm failed: ${describeResult(result)}`);
  return readFileSync(table, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [index, pid, parentPid, beforeFork, inMain, status] = line.split(" ");
      return {
        ...{ index: Number(index), pid: Number(pid), parentPid: Number(parentPid) },
        ...{ beforeFork: BigInt(beforeFork ?? 0), inMain: BigInt(inMain ?? 0) },
        status: Number(status),
      };
    });
}

/** 2026-11-20T06:35:58.446086615Z → nanoseconds since 1970. */
export function nanoseconds(time: string): bigint {
  const [seconds = "", fraction = ""] = time.replace("Z", "").split(".");
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
