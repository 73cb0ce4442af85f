// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { startNativeProgram } from "./native-program.ts";

type ReadApartOptions = {
  /** The most bytes read of each file. */
  readonly limitBytes: number;
  /** A file that has not answered for this long is skipped. */
  readonly patienceMs?: number;
  /** After this time all files not read yet are skipped. */
  readonly atMostMs?: number;
};

/** The most readers stuck on files that never answer: then no more are started. */
const mostStuck = 4;
const stuck = new Set<ChildProcess>();

/**
 * Reads files that a workload can block, such as those in /proc that need another process's memory. A
 * separate process reads them; it is killed when it waits, and abandoned if even that takes time. Returns the
 * contents in the order of the paths; undefined: unreadable, or not in time. Never rejects.
 */
export async function readApart(
  paths: readonly string[],
  { limitBytes, patienceMs = 100, atMostMs = 2_000 }: ReadApartOptions,
): Promise<readonly (Buffer | undefined)[]> {
  const contents: (Buffer | undefined)[] = [];
  const end = performance.now() + atMostMs;
  while (contents.length < paths.length && stuck.size < mostStuck) {
    const rest = paths.slice(contents.length);
    const patience = { patienceMs, end };
    const { read, why } = await readWithOne(rest, limitBytes, patience);
    contents.push(...read);
    if (why !== "waits") break;
    // For the file that blocked.
    contents.push(undefined);
  }
  return paths.map((_, i) => contents[i]);
}

type Patience = { readonly patienceMs: number; readonly end: number };

/** The contents of the files that one reader could read before it had to wait too long. */
async function readWithOne(
  paths: readonly string[],
  limitBytes: number,
  { patienceMs, end }: Patience,
): Promise<{
  readonly read: readonly (Buffer | undefined)[];
  readonly why: "ended" | "late" | "waits";
}> {
  const frames = new Frames();
  const child = startReader(limitBytes);
  if (child === undefined) return { read: [], why: "ended" };
  const ended = Promise.withResolvers<"ended">();
  child.once("error", () => ended.resolve("ended"));
  child.stdin?.on("error", () => {});
  child.stdout?.on("data", (bytes: Buffer) => frames.add(bytes));
  child.stdout?.once("close", () => ended.resolve("ended"));
  child.stdin?.end(paths.map((path) => `${path}\0`).join(""));
  const read = frames.contents;
  let why: "ended" | "late" | "waits" | undefined;
  for (let seen = -1; why === undefined; ) {
    const what = await Promise.race([ended.promise, sleep(patienceMs, "tick", { ref: false })]);
    if (what === "ended" || read.length === paths.length) why = "ended";
    else if (performance.now() > end) why = "late";
    else if (read.length === seen && isWaiting(child)) why = "waits";
    seen = read.length;
  }
  leave(child);
  return { read, why };
}

/** Undefined: it can't be started. */
function startReader(limitBytes: number): ChildProcess | undefined {
  const child = startNativeProgram("read-files", [String(limitBytes)], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  return child instanceof Error ? undefined : child;
}

/** The kill takes effect only when the blocking call allows it: until then the reader counts as stuck. */
function leave(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  stuck.add(child);
  child.once("exit", () => stuck.delete(child));
  child.kill("SIGKILL");
  child.stdout?.destroy();
  child.stdin?.destroy();
  child.unref();
}

/** Neither on a CPU nor ready for one: the state in proc_pid_stat(5), which needs no lock of the process. */
function isWaiting({ pid }: ChildProcess): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat[stat.lastIndexOf(")") + 2] !== "R";
  } catch {
    return true;
  }
}

/** The reader's output: a size, then as many bytes. */
class Frames {
  readonly contents: (Buffer | undefined)[] = [];
  #bytes: Buffer = Buffer.alloc(0);

  add(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    while (this.#bytes.length >= 4) {
      const size = this.#bytes.readInt32LE(0);
      const end = 4 + Math.max(0, size);
      if (this.#bytes.length < end) return;
      this.contents.push(size < 0 ? undefined : Buffer.from(this.#bytes.subarray(4, end)));
      this.#bytes = this.#bytes.subarray(end);
    }
  }
}
