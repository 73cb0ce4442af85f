// SPDX-License-Identifier: Apache-2.0
import { join, resolve } from "node:path";
import { type Counts, countsOfRunner } from "../../scripts/test/counts.ts";
import { runCommand } from "../../scripts/test/run-command.ts";
import { cpuTimeOfTree } from "./cpu-time.ts";
import type { Group } from "./groups.ts";
import { createMessageReader, type GuestMessage } from "./guest-messages.ts";

export const repository = resolve(import.meta.dirname, "../..");

/** How one test file ended on one kernel. */
export interface FileResult {
  readonly file: string;
  readonly kernel: string;
  readonly counts: Counts;
  readonly durationMs: number;
  /** Of the emulator: what idle waiting does not cost. */
  readonly cpuMs: number;
}

export interface GuestRun {
  readonly results: readonly FileResult[];
  /** They have not begun, and need a guest without what was left in this one. */
  readonly remaining: readonly string[];
  /** For people. */
  readonly remark: string | undefined;
  /** CPU time before the first file and after the last one. */
  readonly overheadMs: number;
}

export interface GuestRunOptions {
  readonly timeoutSeconds: number;
  readonly onResult: (result: FileResult, output: Buffer) => void;
  /** Output as it comes; without it, it is given with the result. */
  readonly onOutput?: (chunk: Buffer) => void;
}

/** Runs a group's files in one guest. A guest that dies or hangs is a failure of the file that ran then. */
export async function runInGuest(group: Group, options: GuestRunOptions): Promise<GuestRun> {
  const recorder = new Recorder(group, options);
  const args = [
    ...["--kernel", group.kernel, "--timeout", String(options.timeoutSeconds), "--"],
    ...["node", "/gander/e2e/kernel-tests.d/in-guest.ts"],
    ...group.files.map((file) => join("/gander", file)),
  ];
  const onErrors = (text: Buffer) => recorder.output(text);
  const onOutput = createMessageReader((message) => recorder.take(message), onErrors);
  const onStart = (pid: number) => recorder.watch(pid);
  const status = await runCommand(join(repository, "e2e/vm"), args, {
    onOutput,
    onErrors,
    onStart,
  });
  return recorder.close(status);
}

class Recorder {
  readonly #group: Group;
  readonly #options: GuestRunOptions;
  readonly #results: FileResult[] = [];
  #pid = 0;
  #timer: NodeJS.Timeout | undefined;
  #output: Buffer[] = [];
  #running: string | undefined;
  #startedMs = performance.now();
  #cpuMs = 0;
  #lastCpuMs = 0;
  #left: string | undefined;

  constructor(group: Group, options: GuestRunOptions) {
    this.#group = group;
    this.#options = options;
  }

  watch(pid: number): void {
    this.#pid = pid;
    // Often, because of a machine that has died nothing can be read any more.
    this.#timer = setInterval(() => this.#readCpu(), 1_000);
  }

  #readCpu(): number {
    this.#lastCpuMs = Math.max(this.#lastCpuMs, cpuTimeOfTree(this.#pid));
    return this.#lastCpuMs;
  }

  output(text: Buffer): void {
    if (this.#options.onOutput) this.#options.onOutput(text);
    else this.#output.push(text);
  }

  take(message: GuestMessage): void {
    const file = message.file.replace(/^\/gander\//, "");
    if (message.kind === "start") {
      this.#running = file;
      this.#startedMs = performance.now();
      this.#cpuMs = this.#readCpu();
    } else if (message.kind === "end") {
      this.#finish(file, message.counts, message.status);
    } else {
      this.#left = `${file} left this in its guest, so others go on in a new one: ${message.what.join("; ")}`;
    }
  }

  #finish(file: string, found: Counts | undefined, status: number): void {
    const name = this.#nameOf(file);
    const counts = countsOfRunner(name, found, status);
    const failures = counts.failures.map((failure) => ({ ...failure, file: name }));
    const result: FileResult = {
      file,
      kernel: this.#group.kernel,
      counts: { ...counts, failures },
      durationMs: performance.now() - this.#startedMs,
      cpuMs: this.#readCpu() - this.#cpuMs,
    };
    this.#results.push(result);
    this.#running = undefined;
    this.#options.onResult(result, Buffer.concat(this.#output));
    this.#output = [];
  }

  /** With those that were there before it, as they may be the reason. */
  #nameOf(file: string): string {
    const before = this.#results.map((result) => result.file);
    const after = before.length > 0 ? `, in a guest after ${before.join(" ")}` : "";
    return `${file} on ${this.#group.kernel}${after}`;
  }

  close(status: number): GuestRun {
    clearInterval(this.#timer);
    if (this.#running !== undefined) {
      this.#finish(this.#running, undefined, status || 1);
    } else if (this.#results.length === 0) {
      // It did not boot, or not as far as the first file: another try would end like this one.
      for (const file of this.#group.files) this.#finish(file, undefined, status || 1);
    }
    const remaining = this.#group.files.slice(this.#results.length);
    const usedMs = this.#results.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
    return {
      results: this.#results,
      remaining,
      remark:
        remaining.length > 0
          ? (this.#left ?? "The guest ended early; others go on in a new one.")
          : undefined,
      overheadMs: Math.max(0, this.#lastCpuMs - usedMs),
    };
  }
}
