// SPDX-License-Identifier: Apache-2.0
import { nothingSaved, type TablesLabel } from "../../kernel/pins/tables-label.ts";
import type { Manifest } from "./manifest.ts";

type RestorableOptions = {
  /** The manifest this sensor continues with. */
  readonly own: Manifest | undefined;
  /** By folder of pins: labels of the tables in force. */
  readonly labels: ReadonlyMap<string, TablesLabel>;
  /** Some tables in force have no manifest. */
  readonly isLost: boolean;
};

/**
 * The manifests whose policies must be put in force again: those of tables that this sensor cannot continue
 * with. If a manifest was lost, the newest readable one holds at least some of the requested policies.
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
  // Of two about the same folder, the newest.
  const newest = others.filter(
    ({ kernelId }, i) => others.findIndex((one) => one.kernelId === kernelId) === i,
  );
  const isNoneOfUse = newest.length === 0 && own === undefined;
  return isLost && isNoneOfUse ? manifests.slice(0, 1) : newest;
}

type About = Pick<Manifest, "kernelId">;

type FoundTables = {
  readonly own: About | undefined;
  readonly others: readonly About[];
  /** As found at the start. */
  readonly labels: ReadonlyMap<string, TablesLabel>;
};

/**
 * This sensor continues with tables that hold everything. The other tables are of a sensor that died before
 * it had put everything in force: its manifest may be removed.
 */
export function isSettled({ own, others, labels }: FoundTables): boolean {
  if (own === undefined || comesAgain(own, labels)) return false;
  return others.every((manifest) => comesAgain(manifest, labels));
}

/** Which manifests must stay on disk until the policies of both are in force in new tables. */
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
