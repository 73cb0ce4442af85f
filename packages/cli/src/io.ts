// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

/** What a command may touch of the process it runs in; tests give their own. */
export type Io = {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
};

/** Writes one line and waits while the reader is slower than we are, so that nothing piles up. */
export async function writeLine(io: Io, line: string): Promise<void> {
  // Checked first: the error of a reader that closed comes before its drain.
  if (io.stdout.destroyed) return;
  if (!io.stdout.write(`${line}\n`)) await once(io.stdout, "drain", { signal: io.signal });
}

/** How wide the terminal is; undefined if the output goes elsewhere. */
export function columnsOf({ stdout }: Io): number | undefined {
  return stdout.isTTY === true ? stdout.columns : undefined;
}

/** A person's colours: NO_COLOR and pipes get none. */
export function wantsColor(io: Io, choice: string): boolean {
  if (choice !== "auto") return choice === "always";
  return io.stdout.isTTY === true && !io.env.NO_COLOR && io.env.TERM !== "dumb";
}
