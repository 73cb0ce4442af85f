// SPDX-License-Identifier: Apache-2.0
import { hookKeys } from "./hook-pins.ts";
import { type Pins, removePins } from "./pins.ts";
import {
  nothingSaved,
  readTablesLabel,
  type TablesLabel,
  writeTablesLabel,
} from "./tables-label.ts";

/** Programs and tables of an earlier sensor, in force beside this one's because their content is unknown. */
export type UnknownTables = {
  /** The name of their folder of pins. */
  readonly name: string;
  /** Where they are attached, in the notation of `hookPointKey`. */
  readonly hooks: readonly string[];
};

/** What earlier sensors have in force in folders of their own. */
export type LeftTables = {
  unknown(): readonly UnknownTables[];
  /** All they enforce is in force here as well, and on disk: their manifest is not needed any more. */
  giveUp(names: readonly string[]): void;
  /** Ends their enforcement; if that was begun before, removes the rest. */
  remove(name: string): Promise<void>;
  /** Labels of all, by name. */
  labels(): ReadonlyMap<string, TablesLabel>;
  /** From now on treats those with known policies as unknown. Returns their names. */
  keepKnown(): readonly string[];
  /** Whether any have known policies: those must be put in force here, and then be removed. */
  hasKnown(): boolean;
};

export function createLeftTables(known: readonly Pins[], unknown: readonly Pins[]): LeftTables {
  let replaceable = [...known];
  let kept = [...unknown];
  // A sensor that finds the rest after a crash needs to know nothing of it.
  const giveUp = ({ folder }: Pins): void =>
    writeTablesLabel(folder, { ...readTablesLabel(folder), saved: nothingSaved });
  return {
    unknown: () => kept.map((pins) => ({ name: pins.name, hooks: hookKeys(pins) })),
    giveUp(names) {
      for (const pins of kept) if (names.includes(pins.name)) giveUp(pins);
    },
    async remove(name) {
      for (const pins of kept.filter((one) => one.name === name)) {
        giveUp(pins);
        await removePins(pins);
        kept = kept.filter((one) => one !== pins);
      }
    },
    labels: () =>
      new Map([...replaceable, ...kept].map((pins) => [pins.name, readTablesLabel(pins.folder)])),
    keepKnown() {
      const names = replaceable.map((pins) => pins.name);
      kept = [...kept, ...replaceable];
      replaceable = [];
      return names;
    },
    hasKnown: () => replaceable.length > 0,
  };
}
