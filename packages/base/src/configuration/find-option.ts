// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "../problem.ts";
import type { ConfigurationTable, Options, Setting } from "./configuration-table.ts";
import { optionProblem, unknownOption } from "./option-problem.ts";

type Found = { readonly setting: Setting } | { readonly problem: Problem };

/** The setting under the name that the table has for it. Other names: aliases, and options of another product. */
export function ownSetting(
  { options, foreign = {} }: Pick<ConfigurationTable<Options>, "options" | "foreign">,
  given: Setting,
): Found {
  const name = ownName(options, given.option);
  if (name !== undefined) return { setting: { ...given, option: name } };
  const other = Object.hasOwn(foreign, given.option) ? foreign[given.option] : undefined;
  if (other === undefined) return { problem: unknownOption(given.option, given.origin, options) };
  if ("instead" in other) {
    const message = `${given.origin}: Gander has no option "${given.option}"`;
    return {
      problem: optionProblem("configuration-unknown-option", given.option, message, other.instead),
    };
  }
  const { is, texts = {} } = other;
  return {
    setting: { ...given, option: is, texts: given.texts.map((text) => texts[text] ?? text) },
  };
}

/** Undefined: there is none of that name. */
export function ownName(options: Options, given: string): string | undefined {
  if (Object.hasOwn(options, given)) return given;
  return Object.keys(options).find((name) => options[name]?.aliases?.includes(given));
}
