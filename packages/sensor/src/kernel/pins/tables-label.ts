// SPDX-License-Identifier: Apache-2.0
import { readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

/** What lies beside the pins to say what is in the tables. Both are names that were given to tables once. */
export type TablesLabel = {
  /** Of the tables that are in force, or were about to be. Empty: none yet, or an older sensor's. */
  readonly tables: string;
  /**
   * Of the last tables whose manifest was saved. All that was asked for since then comes back from
   * elsewhere: from files, or from the operator. `nothing`: all of it does.
   */
  readonly saved: string;
};

export const nothingSaved = "nothing";

/** A symbolic link: a bpf file system has no other files, and needs no room for it. */
export function readTablesLabel(folder: string): TablesLabel {
  try {
    const [tables = "", saved = ""] = readlinkSync(join(folder, fileName)).split(":");
    return { tables, saved };
  } catch {
    return { tables: "", saved: "" };
  }
}

/** @throws Error of the system. */
export function writeTablesLabel(folder: string, { tables, saved }: TablesLabel): void {
  const fresh = join(folder, `${fileName}-new`);
  rmSync(fresh, { force: true });
  symlinkSync(`${tables}:${saved}`, fresh);
  renameSync(fresh, join(folder, fileName));
}

export function removeTablesLabel(folder: string): void {
  for (const name of [fileName, `${fileName}-new`]) rmSync(join(folder, name), { force: true });
}

const fileName = "tables";
