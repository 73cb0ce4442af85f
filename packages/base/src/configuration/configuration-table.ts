// SPDX-License-Identifier: Apache-2.0
import type { Option, OptionValue } from "./option.ts";

/** Option name as on the command line → its definition. */
export type Options = Readonly<Record<string, Option>>;

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** `export-filename` in the table is `exportFilename` in code. */
export type Values<T extends Options> = {
  readonly [K in keyof T & string as CamelCase<K>]: OptionValue<T[K]>;
};

export type Positionals = {
  /** For the usage line, e.g. `FILE…`. */
  readonly placeholder: string;
  readonly help: string;
  readonly min: number;
  readonly max: number;
};

/** An option of another product: ours that does the same, with its values for ours, or what to do instead. */
export type ForeignOption = (
  | { readonly is: string; readonly texts?: Readonly<Record<string, string>> }
  | { readonly instead: string }
) & {
  /** A flag without a value. */
  readonly boolean?: true;
};

export type ConfigurationTable<T extends Options> = {
  /** As typed, e.g. `gander run`. */
  readonly command: string;
  /** What it does, first paragraph of `--help`. */
  readonly summary: string;
  readonly options: T;
  /** Absent: the command takes no arguments. */
  readonly positionals?: Positionals;
  /** Options of a product that people switch from, by name. */
  readonly foreign?: Readonly<Record<string, ForeignOption>>;
  /** Command lines to learn from. */
  readonly examples?: readonly string[];
};

export type Loaded<T extends Options> = {
  readonly values: Values<T>;
  readonly positionals: readonly string[];
  /** Where each option got its value from, by option name: `--flag`, `GANDER_X`, a file, or `default`. */
  readonly origins: Readonly<Record<string, string>>;
};

/** A value as written by the user, and where. */
export type Setting = {
  readonly option: string;
  readonly texts: readonly string[];
  readonly origin: string;
};

export type ConfigurationSources = {
  /** Without the program and the command's own words. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** From files, weakest first; see readConfigurationFiles. */
  readonly files?: readonly Setting[];
};

/** `GANDER_EXPORT_FILENAME` for `export-filename`. */
export const environmentName = (option: string): string =>
  `GANDER_${option.toUpperCase().replaceAll("-", "_")}`;

export const propertyName = (option: string): string =>
  option.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
