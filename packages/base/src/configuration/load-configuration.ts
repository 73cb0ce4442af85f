// SPDX-License-Identifier: Apache-2.0
import type { Problem, Result } from "../problem.ts";
import type {
  ConfigurationSources,
  ConfigurationTable,
  Loaded,
  Options,
  Setting,
  Values,
} from "./configuration-table.ts";
import { environmentName, propertyName } from "./configuration-table.ts";
import { ownSetting } from "./find-option.ts";
import type { Option } from "./option.ts";
import { parseOption } from "./option.ts";
import { optionProblem, unknownOption } from "./option-problem.ts";
import { readFlags } from "./read-flags.ts";

export function loadConfiguration<T extends Options>(
  table: ConfigurationTable<T>,
  sources: ConfigurationSources,
): Result<Loaded<T>> {
  const flags = readFlags(table, sources.argv);
  const problems = [...flags.problems];
  const chosen = new Map<string, Setting>();
  for (const setting of sources.files ?? []) {
    const found = ownSetting(table, setting);
    if ("problem" in found) problems.push(found.problem);
    else if (table.options[found.setting.option]?.flagOnly === true)
      problems.push(unknownOption(setting.option, setting.origin, table.options));
    else chosen.set(found.setting.option, found.setting);
  }
  for (const setting of readEnvironment(table.options, sources.env))
    chosen.set(setting.option, setting);
  for (const setting of flags.settings) chosen.set(setting.option, setting);

  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const [name, option] of Object.entries(table.options)) {
    const setting = chosen.get(name);
    origins[name] = setting?.origin ?? "default";
    values[propertyName(name)] = setting ? read(name, option, setting, problems) : option.default;
  }
  if (problems.length > 0) return { problems };
  return { value: { values: values as Values<T>, positionals: flags.positionals, origins } };
}

function read(name: string, option: Option, setting: Setting, problems: Problem[]): unknown {
  const parsed = parseOption(option, setting.texts);
  if ("value" in parsed) return parsed.value;
  problems.push(
    optionProblem(
      "configuration-bad-value",
      name,
      `${setting.origin}: ${parsed.wrong}`,
      option.help,
    ),
  );
  return option.default;
}

function readEnvironment(options: Options, env: ConfigurationSources["env"]): readonly Setting[] {
  const settings: Setting[] = [];
  for (const [name, option] of Object.entries(options)) {
    const origin = environmentName(name);
    const text = env[origin];
    if (text !== undefined && option.flagOnly !== true)
      settings.push({ option: name, texts: [text], origin });
  }
  return settings;
}
