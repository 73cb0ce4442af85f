// SPDX-License-Identifier: Apache-2.0
import type { Result } from "../problem.ts";
import { configurationHelp, configurationMarkdown } from "./configuration-help.ts";
import type {
  ConfigurationSources,
  ConfigurationTable,
  Loaded,
  Options,
} from "./configuration-table.ts";
import { loadConfiguration } from "./load-configuration.ts";

export type Configuration<T extends Options> = {
  readonly table: ConfigurationTable<T>;
  /** Weakest first: default, YAML file, drop-in directory, environment, flags. All problems at once. */
  load(sources: ConfigurationSources): Result<Loaded<T>>;
  /** The text of `--help`, for a terminal of that many columns. */
  help(columns: number): string;
  /** The options as a Markdown table, for docs, without those documented elsewhere. */
  markdown(without?: readonly string[]): string;
};

/**
 * One table per command: flags, environment variables, files, validation, help and docs all
 * come from it, so a name is written down once.
 */
export function defineConfiguration<const T extends Options>(
  table: ConfigurationTable<T>,
): Configuration<T> {
  return {
    table,
    load: (sources) => loadConfiguration(table, sources),
    help: (columns) => configurationHelp(table, columns),
    markdown: (without = []) => configurationMarkdown(table, without),
  };
}
