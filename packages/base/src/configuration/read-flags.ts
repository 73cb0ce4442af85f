// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from "node:util";
import type { Problem } from "../problem.ts";
import type { ConfigurationTable, Options, Positionals, Setting } from "./configuration-table.ts";
import { optionProblem, unknownOption } from "./option-problem.ts";

type Flags = {
  readonly settings: readonly Setting[];
  readonly positionals: readonly string[];
  readonly problems: readonly Problem[];
};

/** Reads a command line as the table has it: `--name value`, `--name=value`, `-n value`, `--no-name`. */
export function readFlags<T extends Options>(
  table: ConfigurationTable<T>,
  argv: readonly string[],
): Flags {
  const texts = new Map<string, string[]>();
  const positionals: string[] = [];
  const problems: Problem[] = [];
  for (const token of parseArgs({ ...parserOptions(table.options), args: [...argv] }).tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const flag = findFlag(table.options, token.name);
    if (!flag) {
      problems.push(unknownOption(token.name, token.rawName, table.options));
      continue;
    }
    const text = token.value ?? (flag.boolean ? flag.whenBare : undefined);
    if (text === undefined) {
      problems.push(
        optionProblem(
          "configuration-bad-value",
          flag.name,
          `${token.rawName} needs a value`,
          flag.help,
        ),
      );
      continue;
    }
    texts.set(flag.name, [...(texts.get(flag.name) ?? []), text]);
  }
  problems.push(...checkPositionals(table.positionals, positionals));
  const settings = [...texts].map(([option, given]) => ({
    option,
    texts: given,
    origin: `--${option}`,
  }));
  return { settings, positionals, problems };
}

function parserOptions(options: Options) {
  const known: Record<string, { type: "boolean" | "string"; short?: string }> = {};
  for (const [name, option] of Object.entries(options)) {
    const type = option.type === "boolean" ? "boolean" : "string";
    known[name] = option.short === undefined ? { type } : { type, short: option.short };
    for (const alias of option.aliases ?? []) known[alias] = { type };
  }
  return { options: known, strict: false, allowPositionals: true, tokens: true } as const;
}

function findFlag(options: Options, given: string) {
  const positive = given.startsWith("no-") ? given.slice(3) : given;
  for (const [name, option] of Object.entries(options)) {
    const names = [name, ...(option.aliases ?? [])];
    const boolean = option.type === "boolean";
    if (names.includes(given)) return { name, boolean, whenBare: "true", help: option.help };
    if (boolean && names.includes(positive))
      return { name, boolean, whenBare: "false", help: option.help };
  }
  return undefined;
}

function checkPositionals(
  wanted: Positionals | undefined,
  given: readonly string[],
): readonly Problem[] {
  const { min, max, placeholder, help } = wanted ?? { min: 0, max: 0, placeholder: "", help: "" };
  if (given.length > max) {
    const extra = given
      .slice(max)
      .map((text) => `"${text}"`)
      .join(", ");
    return [
      optionProblem("configuration-arguments", "", `Unexpected argument ${extra}`, "See --help."),
    ];
  }
  if (given.length < min) {
    return [
      optionProblem("configuration-arguments", placeholder, `${placeholder} is missing`, help),
    ];
  }
  return [];
}
