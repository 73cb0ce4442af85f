// SPDX-License-Identifier: Apache-2.0

/** How values of a property are written. */
type PropertyForm = "duration" | "flag" | "id" | "file-type" | "origin";

type PropertyRow = {
  readonly form: PropertyForm;
  /** Of it in the programs: PROPERTY_…; TREE: that of matchPIDs with isNamespacePID and followForks. */
  readonly read: string;
  readonly help: string;
};

/** What matchProcess can test. */
export const processProperties = {
  Age: { form: "duration", read: "AGE", help: "time since the process was started" },
  InInitTree: {
    form: "flag",
    read: "TREE",
    help: "it descends from the first process of its container",
  },
  Terminal: { form: "flag", read: "TERMINAL", help: "it has a controlling terminal" },
  User: { form: "id", read: "USER", help: "real user" },
  EffectiveUser: { form: "id", read: "EFFECTIVE_USER", help: "effective user" },
  Group: { form: "id", read: "GROUP", help: "real group" },
  EffectiveGroup: { form: "id", read: "EFFECTIVE_GROUP", help: "effective group" },
  StandardInput: {
    form: "file-type",
    read: "STDIN",
    help: "type of the file that is descriptor 0",
  },
  StandardOutput: {
    form: "file-type",
    read: "STDOUT",
    help: "type of the file that is descriptor 1",
  },
  StandardError: {
    form: "file-type",
    read: "STDERR",
    help: "type of the file that is descriptor 2",
  },
  Origin: { form: "origin", read: "ORIGIN", help: "where its program comes from" },
} as const satisfies Readonly<Record<string, PropertyRow>>;

export type ProcessProperty = keyof typeof processProperties;

export const processPropertyNames = Object.keys(processProperties) as readonly ProcessProperty[];
