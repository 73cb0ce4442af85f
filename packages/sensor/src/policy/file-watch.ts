// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { filesOf, type KernelTables } from "./kernel-tables.ts";

type Deps = {
  /** Runs the job when the tables may be changed. */
  exclusively(job: () => void): Promise<void>;
  readonly logger: Logger;
};

/** So long a file that has replaced another one is not known yet. */
const periodMs = 2_000;

/** Looks again and again which files are at the paths that policies ask for, and links anew when one is another. */
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
