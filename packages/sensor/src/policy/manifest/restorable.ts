// SPDX-License-Identifier: Apache-2.0
import { nothingSaved, type TablesLabel } from "../../kernel/pins/tables-label.ts";
import type { Manifest } from "./manifest.ts";

export type RestorableOptions = {
  /** What this sensor goes on with. */
  readonly own: Manifest | undefined;
  /** By folder of pins: labels of what is in force. */
  readonly labels: ReadonlyMap<string, TablesLabel>;
  /** Tables are in force of which no manifest tells. */
  readonly isLost: boolean;
};

/**
 * The manifests whose policies are to be brought in force again: those of tables that this sensor cannot go
 * on with. Where a manifest was lost, the newest that can be read holds at least some of what was asked for.
 */
export function restorable(
  manifests: readonly Manifest[],
  { own, labels, isLost }: RestorableOptions,
): readonly Manifest[] {
  const isInForce = ({ kernelId, tables = "" }: Manifest) => {
    const label = labels.get(kernelId);
    return label !== undefined && (label.tables === tables || label.saved === tables);
  };
  const isOwn = ({ kernelId }: Manifest) => kernelId === own?.kernelId;
  const others = manifests.filter((manifest) => !isOwn(manifest) && isInForce(manifest));
  // Of two about the same folder the newest.
  const newest = others.filter(
    ({ kernelId }, i) => others.findIndex((one) => one.kernelId === kernelId) === i,
  );
  const isNoneOfUse = newest.length === 0 && own === undefined;
  return isLost && isNoneOfUse ? manifests.slice(0, 1) : newest;
}

type About = Pick<Manifest, "kernelId">;

export type FoundTables = {
  readonly own: About | undefined;
  readonly others: readonly About[];
  /** As they were found. */
  readonly labels: ReadonlyMap<string, TablesLabel>;
};

/**
 * This sensor goes on with tables that hold all. What else is in force was begun by a sensor that died before
 * it had brought all of it: its manifest may go.
 */
export function isSettled({ own, others, labels }: FoundTables): boolean {
  if (own === undefined || comesAgain(own, labels)) return false;
  return others.every((manifest) => comesAgain(manifest, labels));
}

/** Which manifests on disk have to be there until the policies of both are in force in new tables. */
export function usesOf([newest, previous]: readonly About[], found: FoundTables) {
  const isOfUse = (manifest: About | undefined): manifest is About =>
    manifest !== undefined && [found.own, ...found.others].includes(manifest);
  const isBegun = newest !== found.own && isSettled(found);
  return {
    isNewestOfUse: isOfUse(newest) && !isBegun,
    isPreviousOfUse: isOfUse(previous) && !comesAgain(previous, found.labels),
  };
}

function comesAgain({ kernelId }: About, labels: FoundTables["labels"]): boolean {
  return labels.get(kernelId)?.saved === nothingSaved;
}
