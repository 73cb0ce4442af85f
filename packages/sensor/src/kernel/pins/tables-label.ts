// SPDX-License-Identifier: Apache-2.0
import { readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

/** Lies beside the pins and names the tables' content. Both fields are names given to tables once. */
export type TablesLabel = {
  /** The tables in force, or about to be. Empty: none yet, or those of an older sensor. */
  readonly tables: string;
  /**
   * The last tables whose manifest was saved. Every change since then is restored from elsewhere: from files,
   * or from the operator. With `nothing`, everything is.
   */
  readonly saved: string;
};

export const nothingSaved = "nothing";

/** A symbolic link: a bpf file system has no other files, and needs no space for it. */
export function readTablesLabel(folder: string): TablesLabel {
  try {
    const [tables = "", saved = ""] = readlinkSync(join(folder, fileName)).split(":");
    return { tables, saved };
  } catch {
    return { tables: "", saved: "" };
  }
}

/** @throws the system's Error. */
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
