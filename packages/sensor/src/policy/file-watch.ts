// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { filesOf, type KernelTables } from "./kernel-tables.ts";

type Deps = {
  /** Runs the job when the tables may be changed. */
  exclusively(job: () => void): Promise<void>;
  readonly logger: Logger;
};

/** How long a file that has replaced another may go unnoticed. */
const periodMs = 2_000;

/** Checks periodically which files are at the paths that policies name, and links again on a change. */
export function watchFiles(tables: KernelTables, { exclusively, logger }: Deps): Disposable {
  let isBusy = false;
  const look = async () => {
    const paths = filesOf(tables.installed());
    if (paths.size === 0) return;
    await tables.files.lookUp(paths);
    if (!tables.files.isStale(paths)) return;
    await exclusively(() => tables.advance(tables.installed()));
    logger.info("Files that policies name have been replaced");
  };
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    look()
      .catch((error: unknown) =>
        logger.error("Policies cannot be linked to files that have been replaced", { error }),
      )
      .finally(() => {
        isBusy = false;
      });
  }, periodMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
