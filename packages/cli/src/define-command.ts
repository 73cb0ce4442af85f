// SPDX-License-Identifier: Apache-2.0
import type { ConfigurationTable, Options, Setting } from "@gander/base";
import { defineConfiguration } from "@gander/base";
import type { Command, Run } from "./command.ts";
import { problemText } from "./problem-text.ts";

type CommandDefinition<T extends Options> = ConfigurationTable<T> & {
  readonly run: Run<T>;
  /** Settings from files, weaker than environment and flags. */
  readonly files?: (argv: readonly string[]) => Promise<{
    readonly settings: readonly Setting[];
    readonly problems: readonly Parameters<typeof problemText>[0][];
  }>;
};

/** Joins a configuration table with what runs on its values. */
export function defineCommand<const T extends Options>(definition: CommandDefinition<T>): Command {
  const { run, files, ...table } = definition;
  const configuration = defineConfiguration<T>(table);
  return {
    help: (columns) => configuration.help(columns),
    markdown: (without) => configuration.markdown(without),
    summary: table.summary,
    examples: table.examples ?? [],
    optionNames: Object.keys(table.options),
    run: async (argv, io) => {
      const fromFiles = (await files?.(argv)) ?? { settings: [], problems: [] };
      const loaded = configuration.load({ argv, env: io.env, files: fromFiles.settings });
      const problems = [...fromFiles.problems, ...(loaded.problems ?? [])];
      if (loaded.value !== undefined && problems.length === 0) return run(loaded.value, io);
      for (const problem of problems) io.stderr.write(`${problemText(problem)}\n`);
      io.stderr.write(`See ${table.command} --help.\n`);
      return 2;
    },
  };
}
