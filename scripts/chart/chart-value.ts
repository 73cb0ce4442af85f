// SPDX-License-Identifier: Apache-2.0

/** A JSON schema, draft 7. */
export type Schema = Readonly<Record<string, unknown>>;

/** One value of the chart: values.yaml, values.schema.json and the README say it in their own ways. */
export type ChartValue = {
  /** `sensor.exportFilename` */
  readonly path: string;
  /** What it does, in one or two sentences; Markdown. */
  readonly help: string;
  readonly schema: Schema;
  /** Absent: the program's own default applies, which `programDefault` writes as a user would. */
  readonly default?: unknown;
  /** The option of a program that gets the value. */
  readonly option?: {
    readonly program: "operator" | "sensor";
    readonly flag: string;
    /** Between the items of a list. */
    readonly separator: string;
    readonly programDefault: unknown;
  };
};
