// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import type { Writable } from "node:stream";
import { GanderError } from "@gander/base";

export type MachineOptions = {
  /** As `e2e/vm --kernel` has it: 6.1, 6.12. */
  readonly kernel: string;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signal: AbortSignal;
  /** Root of the source tree; by default that in which this program is. */
  readonly sources?: string;
};

const timeoutSeconds = 1800;

/**
 * Runs `gander ARGUMENT…` as root in a virtual machine with that kernel, in the same folder. `files` are those that it
 * reads. Gives its exit status. @throws GanderError where there is no machine, or a file that it would not have.
 */
export async function runInMachine(
  argv: readonly string[],
  files: readonly string[],
  options: MachineOptions,
): Promise<number> {
  const { kernel, stdout, stderr, signal } = options;
  const sources = options.sources ?? join(import.meta.dirname, "../../../..");
  const machine = join(sources, "e2e/vm");
  if (!existsSync(machine))
    throw new GanderError(
      "client-bad-input",
      "Cannot start a virtual machine: that needs a checkout of Gander's sources",
      {
        hint: "There, run `make setup` and scripts/gander. Or use --kernel live on a machine that you can spare (it needs root), or --cluster in a test cluster.",
      },
    );
  const folder = process.cwd();
  const isInside = (path: string, of: string) => {
    const way = relative(of, path);
    return !way.startsWith("..") && !isAbsolute(way);
  };
  for (const file of files)
    if (!isInside(resolve(file), folder))
      throw new GanderError("client-bad-input", `The virtual machine would not have ${file}`, {
        hint: "Start the command in a folder that has all the files, and name them relative to it.",
      });
  const names = argv.map((one) =>
    files.includes(one) ? relative(folder, resolve(one)) || "." : one,
  );
  const shared = isInside(folder, sources) ? [] : ["--share", folder];
  // The folder of a command is the caller's only below the sources.
  const command =
    shared.length === 0 ? ["gander", ...names] : ["env", "-C", "/share", "gander", ...names];
  const child = spawn(
    machine,
    ["--kernel", kernel, "--timeout", String(timeoutSeconds), ...shared, "--", ...command],
    { stdio: ["ignore", "pipe", "pipe"], signal },
  );
  child.stdout.pipe(stdout, { end: false });
  child.stderr.pipe(stderr, { end: false });
  const [status] = await once(child, "close");
  return typeof status === "number" ? status : 1;
}
