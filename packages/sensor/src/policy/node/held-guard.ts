// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Logger } from "@gander/base";
import { startNativeProgram } from "../../host/native-program.ts";
import type { HeldProcess } from "../../kernel/tables/early-processes.ts";

/** A process that lets held processes go when this one has ended, hangs or is busy. */
export type HeldGuard = Disposable & {
  /** While it does not run, nothing should be held. */
  readonly isRunning: boolean;
};

export type HeldGuardOptions = {
  /** The descriptor of the map `held`. */
  readonly descriptor: number;
  /** It lets processes go that have been held for this time. */
  readonly longestMs: number;
  /** Called with each of them, after the fact. */
  readonly onLetGo: (process: HeldProcess) => void;
};

const retryMs = 1_000;

/** Starts it, and starts it again if it ends. */
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
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;
  #hasFailed = false;

  constructor(logger: Logger, options: HeldGuardOptions) {
    this.#logger = logger;
    this.#options = options;
    this.#start();
  }

  get isRunning(): boolean {
    return this.#child?.pid !== undefined;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#child?.stdin?.destroy();
  }

  #start(): void {
    const { descriptor, longestMs, onLetGo } = this.#options;
    const child = startNativeProgram("let-go", [String(longestMs)], {
      stdio: ["pipe", "pipe", "ignore", descriptor],
    });
    if (child instanceof Error) {
      this.#ended(child);
      return;
    }
    this.#child = child;
    child.once("error", (error) => this.#ended(error));
    child.once("exit", () => this.#ended());
    child.stdin?.on("error", () => {});
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).on("line", (line) => onLetGo(readHeld(line)));
    for (const part of [child, child.stdin, child.stdout] as { unref?: () => void }[])
      part?.unref?.();
  }

  #ended(error?: Error): void {
    this.#child = undefined;
    if (this.#isClosed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#start(), retryMs).unref();
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#logger.error(
      "The process that lets held processes go has ended; nothing is held until it is started again",
      { error },
    );
  }
}

/** A line of let-go: an entry of the map (struct held, bpf/abi.h). */
function readHeld(line: string): HeldProcess {
  const [pid = "", start = "", cgroup = "", since = ""] = line.split(" ");
  return { pid: Number(pid), start: BigInt(start), cgroup: BigInt(cgroup), since: BigInt(since) };
}
