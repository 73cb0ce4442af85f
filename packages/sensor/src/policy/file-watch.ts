// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { placesOfHooks } from "@gander/policy";
import type { Installer } from "./installer.ts";
import { filesOf, hooksOf, type KernelTables } from "./kernel-tables.ts";
import { problemsText } from "./policy-problem.ts";

type Deps = {
  /** Runs the job when the tables may be changed. */
  exclusively(job: () => void): Promise<void>;
  readonly installer: Pick<Installer, "isOutdated" | "installAgain">;
  readonly logger: Logger;
};

/** How long a file that has replaced another may go unnoticed. */
const periodMs = 2_000;

/** Checks periodically which files are at the paths that policies name, and acts on a change. */
export function watchFiles(tables: KernelTables, deps: Deps): Disposable {
  let isBusy = false;
  const look = async () => {
    await lookAtFiles(tables, deps);
    await lookAtPrograms(tables, deps);
  };
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    look()
      .catch((error: unknown) =>
        deps.logger.error("Policies cannot be linked to files that have been replaced", { error }),
      )
      .finally(() => {
        isBusy = false;
      });
  }, periodMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** `identity: file`: the tables name the new files. */
async function lookAtFiles(tables: KernelTables, { exclusively, logger }: Deps): Promise<void> {
  const paths = filesOf(tables.installed());
  if (paths.size === 0) return;
  await tables.files.lookUp(paths);
  if (!tables.files.isStale(paths)) return;
  await exclusively(() => tables.advance(tables.installed()));
  logger.info("Files that policies name have been replaced");
}

/** Programs whose functions are hooked: the policies are attached to the new files. */
async function lookAtPrograms(
  tables: KernelTables,
  { exclusively, installer, logger }: Deps,
): Promise<void> {
  const wanted = placesOfHooks(hooksOf(tables.installed()));
  if (wanted.length === 0) return;
  await tables.kernel.programs.lookUp(wanted);
  if (![...tables.installed().values()].some(installer.isOutdated)) return;
  await exclusively(() => {
    let next = tables.installed();
    for (const policy of tables.installed().values()) {
      if (!installer.isOutdated(policy)) continue;
      const { value, problems } = installer.installAgain(policy, next);
      const about = { policy: policy.key.name };
      if (problems === undefined) {
        next = value;
        logger.info(
          "A program that a policy hooks has been replaced; the new one is hooked",
          about,
        );
      } else {
        const problem = problemsText(problems);
        logger.error("A program that replaces a hooked one cannot be hooked", {
          ...about,
          problem,
        });
      }
    }
    tables.advance(next);
  });
}
