// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Logger } from "@gander/base";

/** A process that lets held processes go when this one has ended or hangs. */
export type HeldGuard = Disposable & {
  /** This process is well. Call it more often than the patience. */
  beat(): void;
};

export type HeldGuardOptions = {
  /** The descriptor of the map `held`. */
  readonly descriptor: number;
  /** How long without a beat until it lets all go. */
  readonly patienceMs: number;
  /** Called when it had to, with the number of processes. */
  readonly onLetGo: (count: number) => void;
};

/** Starts it; once it ends unexpectedly, the next beat starts another one. */
export function startHeldGuard(
  { logger }: { readonly logger: Logger },
  options: HeldGuardOptions,
): HeldGuard {
  return new Guard(logger, options);
}

class Guard implements HeldGuard {
  readonly #logger: Logger;
  readonly #options: HeldGuardOptions;
  #child: ChildProcess | undefined;
  #isClosed = false;
  #hasFailed = false;

  constructor(logger: Logger, options: HeldGuardOptions) {
    this.#logger = logger;
    this.#options = options;
    this.#start();
  }

  beat(): void {
    if (this.#child === undefined) this.#start();
    const input = this.#child?.stdin;
    // It does not read: it is stopped, and will read all of this at once.
    if (input?.writableNeedDrain === false) input.write("\n");
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#child?.stdin?.destroy();
    this.#child?.unref();
  }

  #start(): void {
    if (this.#isClosed) return;
    const { descriptor, patienceMs, onLetGo } = this.#options;
    const child = spawn(guardPath, [String(patienceMs)], {
      stdio: ["pipe", "pipe", "ignore", descriptor],
    });
    this.#child = child;
    const ended = (error?: Error) => this.#ended(child, error);
    child.once("error", ended);
    child.once("exit", () => ended());
    child.stdin?.on("error", () => {});
    child.stdout?.setEncoding("utf8").on("data", (lines: string) => {
      for (const line of lines.trim().split("\n")) onLetGo(Number(line));
    });
    for (const part of [child, child.stdin, child.stdout] as { unref?: () => void }[])
      part?.unref?.();
  }

  #ended(child: ChildProcess, error: Error | undefined): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (this.#isClosed || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#logger.warn(
      "The process that lets held processes go after a crash of the sensor has ended; it is started again",
      { error },
    );
  }
}

/** Beside a bundle; in the source tree, the output of `make build`. */
const guardPath =
  [
    fileURLToPath(new URL("../let-go", import.meta.url)),
    fileURLToPath(new URL("../../native/build/let-go", import.meta.url)),
  ].find(existsSync) ?? "let-go";
