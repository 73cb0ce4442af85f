// SPDX-License-Identifier: Apache-2.0
import { closedError, kernelError } from "./bpf-error.ts";
import { type NativeFd, native } from "./native.ts";

/** What a call of the native part gave: a handle, or a negated errno. */
export function checked<T extends object>(
  result: T | number,
  operation: string,
  what: string,
  hint?: string,
): T {
  if (typeof result !== "number") return result;
  throw kernelError(result, operation, what, hint === undefined ? {} : { hint });
}

export function check(result: number, operation: string, what: string, hint?: string): number {
  if (result >= 0) return result;
  throw kernelError(result, operation, what, hint === undefined ? {} : { hint });
}

/** A map, a program or a link that is open. */
export interface Descriptor {
  readonly fd: NativeFd;
}

/**
 * The one descriptor inside a map, program, link or iterator: closed once, and never used after.
 * `what` names it in errors: `map "rows"`.
 */
export class Handle {
  readonly what: string;
  #fd: NativeFd | undefined;

  constructor(fd: NativeFd, what: string) {
    this.#fd = fd;
    this.what = what;
  }

  get fd(): NativeFd {
    if (this.#fd === undefined) throw closedError(this.what);
    return this.#fd;
  }

  get closed(): boolean {
    return this.#fd === undefined;
  }

  /** The number, for /proc/self/fdinfo and the like. */
  get number(): number {
    return native().fdNumber(this.fd);
  }

  /** Throws if it was closed before. */
  close(): void {
    native().fdClose(this.#take());
  }

  /** Closes on another thread: for what the kernel takes its time with. */
  async closeAsync(): Promise<void> {
    await native().fdCloseAsync(this.#take());
  }

  /** For `using`: closing twice is fine. */
  dispose(): void {
    if (!this.closed) this.close();
  }

  #take(): NativeFd {
    const fd = this.fd;
    this.#fd = undefined;
    return fd;
  }
}
