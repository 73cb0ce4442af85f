// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from "node:util";
import type { Problem } from "../problem.ts";
import type { ConfigurationTable, Options, Positionals, Setting } from "./configuration-table.ts";
import { ownSetting } from "./find-option.ts";
import { optionProblem } from "./option-problem.ts";

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
  const settings = new Map<string, Setting>();
  const positionals: string[] = [];
  const problems: Problem[] = [];
  const kinds = flagKinds(table);
  for (const token of parseArgs({ ...parserOptions(table, kinds), args: [...argv] }).tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const { given, whenBare } = writtenAs(token.name, kinds);
    const text = token.value ?? whenBare;
    const found = ownSetting(table, { option: given, texts: [text ?? ""], origin: token.rawName });
    if ("problem" in found) problems.push(found.problem);
    else if (text === undefined) problems.push(needsValue(table.options, found.setting));
    else {
      const { option, texts } = found.setting;
      const before = settings.get(option)?.texts ?? [];
      settings.set(option, { option, texts: [...before, ...texts], origin: token.rawName });
    }
  }
  problems.push(...checkPositionals(table.positionals, positionals));
  return { settings: [...settings.values()], positionals, problems };
}

/** By each name that a flag may have. */
type FlagKinds = ReadonlyMap<string, "boolean" | "string">;

function flagKinds({ options, foreign = {} }: ConfigurationTable<Options>): FlagKinds {
  const kinds = new Map<string, "boolean" | "string">();
  for (const [name, { boolean }] of Object.entries(foreign))
    kinds.set(name, boolean === true ? "boolean" : "string");
  for (const [name, { type, aliases = [] }] of Object.entries(options))
    for (const one of [name, ...aliases]) kinds.set(one, type === "boolean" ? type : "string");
  return kinds;
}

function parserOptions({ options }: ConfigurationTable<Options>, kinds: FlagKinds) {
  const known: Record<string, { type: "boolean" | "string"; short?: string }> = {};
  for (const [name, type] of kinds) known[name] = { type };
  for (const [name, { short }] of Object.entries(options))
    if (short !== undefined) known[name] = { type: kinds.get(name) ?? "string", short };
  return { options: known, strict: false, allowPositionals: true, tokens: true } as const;
}

/** The name that is meant, and the value if none is given. */
function writtenAs(name: string, kinds: FlagKinds) {
  if (kinds.get(name) === "boolean") return { given: name, whenBare: "true" };
  const positive = name.startsWith("no-") ? name.slice(3) : "";
  return kinds.get(positive) === "boolean"
    ? { given: positive, whenBare: "false" }
    : { given: name };
}

function needsValue(options: Options, { option, origin }: Setting): Problem {
  const help = options[option]?.help ?? "";
  return optionProblem("configuration-bad-value", option, `${origin} needs a value`, help);
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
