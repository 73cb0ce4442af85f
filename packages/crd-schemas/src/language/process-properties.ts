// SPDX-License-Identifier: Apache-2.0

/** How values of a property are written; `ordered`: LT and GT compare it as well. */
export const propertyForms = {
  duration: { ordered: true, values: "`30s`, `5m`, `2h`, `1d`" },
  id: {
    ordered: true,
    values:
      "numbers, and ranges as `1000:1999`, as the node sees them: in a user namespace, not those of the container",
  },
  flag: { ordered: false, values: '`"true"`, `"false"`' },
  "file-type": {
    ordered: false,
    values: "as of the operator `FileType`; a descriptor that is closed fits no filter",
  },
  origin: { ordered: false, values: "[origins](#origins)" },
} as const;

type PropertyForm = keyof typeof propertyForms;

type PropertyRow = {
  readonly form: PropertyForm;
  /** Of it in the programs: PROPERTY_…; TREE: that of matchPIDs with isNamespacePID and followForks. */
  readonly read: string;
  readonly help: string;
  readonly note?: string;
};

/** What matchProcess can test. */
export const processProperties = {
  Age: {
    form: "duration",
    read: "AGE",
    help: "time since the process was started",
    note: "`exec` does not change it",
  },
  InInitTree: {
    form: "flag",
    read: "TREE",
    help: "it descends from the first process of its container",
    note: '`"false"`: it was brought in, as by `kubectl exec`; processes of the host match neither',
  },
  Terminal: { form: "flag", read: "TERMINAL", help: "it has a controlling terminal" },
  User: { form: "id", read: "USER", help: "real user" },
  EffectiveUser: {
    form: "id",
    read: "EFFECTIVE_USER",
    help: "effective user",
    note: "access to files is decided by another number, the fsuid, which is the same until the process calls setfsuid(2)",
  },
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
