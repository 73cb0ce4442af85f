// SPDX-License-Identifier: Apache-2.0
import type { KernelValue } from "./kernel-value.ts";
import type { Process } from "./process.ts";

/** What a new program gets. */
export type NewProgram = { readonly args: readonly string[]; readonly env: readonly string[] };

/** A call of something that policies can hook, in the order in which Linux makes them. */
export type KernelCall = {
  /** An LSM hook (`file_open`), another function of the kernel, or a system call (`sys_openat`). */
  readonly hook: string;
  readonly args: readonly KernelValue[];
  /** Those of the function `security_…` that calls the LSM hook, if they are others. */
  readonly functionArgs?: readonly KernelValue[];
  /** As it is now. */
  readonly process: Process;
  readonly exec?: NewProgram;
  /** Something that the case needs and that its policies must not refuse. */
  readonly prepares?: true;
  /** Why it is not certain that this call is made. */
  readonly perhaps?: string;
};

/** From here on a program runs that the model does not know: it may do anything, but start other programs. */
export type UnknownProgram = { readonly program: string; readonly process: Process };

export type Step = KernelCall | UnknownProgram;

/** What an operation does, call by call. Nobody goes on behind a call that was refused. */
export type Steps<T = void> = Generator<Step, T, void>;

/** The same calls, made before what the case is about. */
export function* preparing<T>(steps: Steps<T>): Steps<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    yield { ...value, prepares: true };
  }
}
