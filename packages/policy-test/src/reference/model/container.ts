// SPDX-License-Identifier: Apache-2.0
import type { TestCase } from "../../policy-test.ts";
import { ContainerFiles } from "./container-files.ts";
import type { KernelCall, NewProgram, Steps } from "./kernel-call.ts";
import type { KernelValue } from "./kernel-value.ts";
import { type Process, processOf } from "./process.ts";

type Models = Readonly<Record<string, (container: Container, ...args: string[]) => Steps>>;

function* nothing(): Steps {}

/** What the operations of a case work on. */
export class Container {
  readonly files: ContainerFiles;
  process: Process;

  /** What an operation does; for the case's own program, which may run under other names. */
  readonly operate: (name: string, args: readonly string[]) => Steps;

  constructor(one: TestCase, models: Models) {
    this.operate = (name, args) => models[name]?.(this, ...args) ?? nothing();
    this.files = new ContainerFiles(one);
    this.process = processOf(one);
  }

  /** A call by the process as it is now. */
  call(hook: string, args: readonly KernelValue[], more: CallDetails = {}): KernelCall {
    return { hook, args, process: this.process, ...more };
  }

  change(changes: Partial<Process>): void {
    this.process = { ...this.process, ...changes };
  }
}

type CallDetails = {
  readonly exec?: NewProgram;
  readonly functionArgs?: readonly KernelValue[];
  readonly perhaps?: string;
};
