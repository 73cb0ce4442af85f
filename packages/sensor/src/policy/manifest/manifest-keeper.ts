// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import type { Logger } from "@gander/base";
import { nothingSaved, type TablesLabel } from "../../kernel/pins/tables-label.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";

export type ManifestKeeperDeps = {
  readonly file: ManifestFile;
  readonly kernel: {
    tablesLabel(): TablesLabel;
    labelTables(label: TablesLabel): void;
  };
  readonly logger: Logger;
};

export type ManifestKeeperOptions = {
  /** What could not be saved is tried again so often. */
  readonly retryMs?: number;
  /** This sensor starts from the newest manifest on disk. */
  readonly isNewestOfUse: boolean;
  /** It needs the one before it, too. */
  readonly isPreviousOfUse?: boolean;
  /**
   * What an earlier sensor enforces is being brought in force here: until that is done its manifest is
   * kept, and all that is here comes again from there.
   */
  readonly isHeld?: () => boolean;
};

/** What of a manifest its owner knows. */
export type ManifestBody = Omit<Manifest, "tables">;

/** Sees to it that what is found at the next start is known: a manifest on disk, and a label beside the pins. */
export type ManifestKeeper = Disposable & {
  /**
   * Saves a manifest for tables that are not in force yet. If it cannot be saved, that is told, tried
   * again and known at the next start. Gives what is to be called right before these tables are
   * switched to; it throws if that must not be done. If they are not switched to, call `update`.
   * @throws NotKeptError if it must be kept and cannot be
   */
  prepare(body: ManifestBody, how: { readonly mustKeep: boolean }): () => void;
  /** Saves what is known of the tables that are in force. Never throws. */
  update(body: ManifestBody): void;
  /** Why what is in force isn't on disk; empty: it is. */
  readonly problem: string;
};

/** What was asked for would be forgotten by a restart, so it is not done. */
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
  /** Of the newest manifest on disk; undefined: it is of no use. */
  let newest: string | undefined = isNewestOfUse ? label.tables : undefined;
  let isPreviousNeeded = isPreviousOfUse;
  let problem = "";
  let retry: NodeJS.Timeout | undefined;

  /** Gives whether it is on disk. */
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
