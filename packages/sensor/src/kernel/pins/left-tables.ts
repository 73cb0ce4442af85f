// SPDX-License-Identifier: Apache-2.0
import { hookKeys } from "./hook-pins.ts";
import { type Pins, removePins } from "./pins.ts";
import {
  nothingSaved,
  readTablesLabel,
  type TablesLabel,
  writeTablesLabel,
} from "./tables-label.ts";

/** Programs and tables of an earlier sensor, in force beside this one's, as nobody knows what they hold. */
export type UnknownTables = {
  /** Of their folder of pins. */
  readonly name: string;
  /** Where they are attached, as `hookPointKey` writes it. */
  readonly hooks: readonly string[];
};

/** What earlier sensors have in force in folders of their own. */
export type LeftTables = {
  unknown(): readonly UnknownTables[];
  /** All that they enforce is in force here as well, and on disk: nothing needs to tell of them any more. */
  giveUp(names: readonly string[]): void;
  /** Ends the enforcement of those; removes what is left if that was begun before. */
  remove(name: string): Promise<void>;
  /** Labels of all, by their names. */
  labels(): ReadonlyMap<string, TablesLabel>;
  /** From now on those whose policies are known are like those that are unknown. Gives their names. */
  keepKnown(): readonly string[];
  /** Whether there are any whose policies are known: they are to be in force here, and then to go. */
  hasKnown(): boolean;
};

export function createLeftTables(known: readonly Pins[], unknown: readonly Pins[]): LeftTables {
  let replaceable = [...known];
  let kept = [...unknown];
  // Whoever finds the rest after a crash needs to know nothing of it.
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
