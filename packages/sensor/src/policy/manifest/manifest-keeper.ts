// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import type { Logger } from "@gander/base";
import { nothingSaved, type TablesLabel } from "../../kernel/pins/tables-label.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";

type ManifestKeeperDeps = {
  readonly file: ManifestFile;
  readonly kernel: {
    tablesLabel(): TablesLabel;
    labelTables(label: TablesLabel): void;
  };
  readonly logger: Logger;
};

export type ManifestKeeperOptions = {
  /** How often to retry a failed save. */
  readonly retryMs?: number;
  /** This sensor starts from the newest manifest on disk. */
  readonly isNewestOfUse: boolean;
  /** It also needs the previous one. */
  readonly isPreviousOfUse?: boolean;
  /**
   * This sensor still adopts what an earlier one enforces: until that is done, the earlier manifest is kept,
   * and everything here can be restored from it.
   */
  readonly isHeld?: () => boolean;
};

/** The part of a manifest that its owner supplies. */
export type ManifestBody = Omit<Manifest, "tables">;

/** Records what the next start will find: a manifest on disk, and a label beside the pins. */
export type ManifestKeeper = Disposable & {
  /**
   * Saves a manifest for tables that are not in force yet. A failed save is reported, retried, and visible at
   * the next start. Returns a function to call right before the switch to these tables; it throws if the
   * switch must not happen. If these tables are not put in force, call `update`.
   * @throws NotKeptError if the change must be kept and cannot be
   */
  prepare(body: ManifestBody, how: { readonly mustKeep: boolean }): () => void;
  /** Saves the state of the tables in force. Never throws. */
  update(body: ManifestBody): void;
  /** Why the state in force isn't on disk; empty if it is. */
  readonly problem: string;
};

/** A restart would forget the requested change, so it is not made. */
export class NotKeptError extends Error {
  override readonly name = "NotKeptError";
}

const defaultRetryMs = 30_000;

export function createManifestKeeper(
  { file, kernel, logger }: ManifestKeeperDeps,
  {
    retryMs = defaultRetryMs,
    isNewestOfUse,
    isPreviousOfUse = false,
    isHeld = () => false,
  }: ManifestKeeperOptions,
): ManifestKeeper {
  let label = kernel.tablesLabel();
  /** The tables of the newest manifest on disk; undefined: it is not needed. */
  let newest: string | undefined = isNewestOfUse ? label.tables : undefined;
  let isPreviousNeeded = isPreviousOfUse;
  let problem = "";
  let retry: NodeJS.Timeout | undefined;

  /** Returns whether it is on disk. */
  const trySave = (body: ManifestBody, tables: string): boolean => {
    const isKept = newest === label.tables && !isPreviousNeeded;
    newest = undefined;
    try {
      file.save({ ...body, tables }, isKept ? "keep" : "replace");
    } catch (error) {
      fail(error);
      return false;
    }
    newest = tables;
    isPreviousNeeded = isHeld() && (isPreviousNeeded || isKept);
    if (problem !== "") logger.info("The state on disk is written again");
    problem = "";
    return true;
  };

  const fail = (error: unknown): void => {
    const text = error instanceof Error ? error.message : String(error);
    if (problem === "")
      logger.error(
        "The state on disk cannot be written: enforcement goes on, and policies of `gander policy add` are refused",
        {
          problem: text,
          hint: "Free space in --state-dir, or make it writable; the sensor tries again",
        },
      );
    problem = text;
  };

  const update = (body: ManifestBody): void => {
    clearTimeout(retry);
    try {
      if (trySave(body, label.tables)) relabel(savedLabel(label.tables));
    } catch (error) {
      fail(error);
    }
    if (problem === "") return;
    retry = setTimeout(() => update(body), retryMs).unref();
  };

  const savedLabel = (tables: string): TablesLabel => ({
    tables,
    saved: isHeld() ? nothingSaved : tables,
  });

  const relabel = (next: TablesLabel): void => {
    if (next.tables === label.tables && next.saved === label.saved) return;
    kernel.labelTables(next);
    label = next;
  };

  return {
    get problem() {
      return problem;
    },
    prepare(body, { mustKeep }) {
      clearTimeout(retry);
      const tables = randomBytes(8).toString("hex");
      const isSaved = trySave(body, tables);
      if (!isSaved && mustKeep) throw new NotKeptError(problem);
      return () => relabel(isSaved ? savedLabel(tables) : { ...label, tables });
    },
    update,
    [Symbol.dispose]: () => clearTimeout(retry),
  };
}
