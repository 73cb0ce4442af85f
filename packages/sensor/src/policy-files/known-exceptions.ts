// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  type CheckedException,
  type CheckedPolicy,
  exceptionText,
  useExceptions,
} from "@gander/policy";
import type { PolicyFile } from "./policy-file.ts";

type Policies = ReadonlyMap<string, CheckedPolicy>;

/** The exceptions of all files. One that is in no file any more has ended. */
export class KnownExceptions {
  readonly #logger: Logger;
  #twice: ReadonlySet<string> = new Set();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The policies with the exceptions that choose them; `files` by path, as they are now. */
  apply(files: ReadonlyMap<string, PolicyFile>, policies: Policies): Policies {
    const exceptions = [...this.#read(files).values()];
    return new Map(
      [...policies].map(([key, policy]) => [key, useExceptions(policy, exceptions, "host")]),
    );
  }

  #read(files: ReadonlyMap<string, PolicyFile>): ReadonlyMap<string, CheckedException> {
    const found = new Map<string, CheckedException>();
    const twice = new Set<string>();
    for (const path of [...files.keys()].sort())
      for (const exception of files.get(path)?.exceptions ?? []) {
        const name = exceptionText(exception);
        const first = found.get(name)?.file;
        if (first === undefined) {
          found.set(name, exception);
          continue;
        }
        twice.add(name);
        if (!this.#twice.has(name))
          this.#logger.error("PolicyException is in two files, the second one is ignored", {
            exception: name,
            first,
            second: path,
          });
      }
    this.#twice = twice;
    return found;
  }
}
