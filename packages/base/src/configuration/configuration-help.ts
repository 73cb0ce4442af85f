// SPDX-License-Identifier: Apache-2.0

import type { ConfigurationTable, Options } from "./configuration-table.ts";
import { environmentName } from "./configuration-table.ts";
import type { Option } from "./option.ts";

/** The text of `--help`, wrapped at about that many columns. */
export function configurationHelp<T extends Options>(
  table: ConfigurationTable<T>,
  columns: number,
): string {
  const width = Math.min(Math.max(columns, 60), 100);
  const { command, summary, options, positionals, examples = [] } = table;
  const usage = `Usage: ${command} [OPTIONS]${positionals ? ` ${positionals.placeholder}` : ""}`;
  const parts = [wrap(summary, "", width), usage];
  if (positionals)
    parts.push(`Arguments:\n${entry(positionals.placeholder, positionals.help, width)}`);
  for (const [group, names] of groups(options)) {
    const lines = names.map((name) => {
      const option = options[name];
      return option
        ? entry(flagText(name, option), `${option.help}${defaultText(option)}`, width)
        : "";
    });
    parts.push(`${group}:\n${lines.join("\n")}`);
  }
  const inEnvironment = environmentText(options);
  if (inEnvironment !== undefined) parts.push(wrap(inEnvironment, "", width));
  if (examples.length > 0)
    parts.push(`Examples:\n${examples.map((line) => `  ${line}`).join("\n")}`);
  return `${parts.join("\n\n")}\n`;
}

/** The same as a table for the docs; empty if there are no options but those left out. */
export function configurationMarkdown<T extends Options>(
  table: ConfigurationTable<T>,
  without: readonly string[],
): string {
  const options = Object.entries(table.options).filter(([name]) => !without.includes(name));
  if (options.length === 0) return "";
  const rows = options.map(([name, option]) => {
    const env = option.flagOnly === true ? "" : `\`${environmentName(name)}\``;
    const cells = [`\`${flagText(name, option).trim()}\``, env, defaultCell(option), option.help];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return ["| option | environment | default | meaning |", "|---|---|---|---|", ...rows, ""].join(
    "\n",
  );
}

/** Which options can be set in the environment, whichever way of saying it is shorter. */
function environmentText(options: Options): string | undefined {
  const names = Object.keys(options).map((name) => `--${name}`);
  const settable = names.filter((name) => options[name.slice(2)]?.flagOnly !== true);
  const others = names.filter((name) => !settable.includes(name));
  const [first] = settable;
  if (first === undefined) return undefined;
  const some = settable.length < others.length ? sentenceList(settable) : "Options";
  const but =
    some !== "Options" || others.length === 0 ? "" : ` other than ${sentenceList(others)}`;
  return `${some}${but} can also be set in the environment: ${first} is ${environmentName(first.slice(2))}.`;
}

function groups(options: Options): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [name, option] of Object.entries(options)) {
    const group = option.group ?? "Options";
    found.set(group, [...(found.get(group) ?? []), name]);
  }
  return found;
}

function flagText(name: string, option: Option): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return option.type === "boolean"
    ? `${short}--${name}`
    : `${short}--${name} ${placeholderOf(option)}`;
}

function placeholderOf(option: Option): string {
  if (option.placeholder !== undefined) return option.placeholder;
  if ((option.type === "text" || option.type === "list") && option.values)
    return option.values.join("|");
  return option.type.toUpperCase();
}

/** The default as a user would type it. */
function defaultOf(option: Option): string {
  if (option.type === "duration") return writeDuration(option.default);
  if (option.type === "size") return writeSize(option.default);
  if (option.type === "list") return option.default.join(",");
  if (option.type === "boolean") return option.default ? "true" : "";
  return String(option.default);
}

const defaultText = (option: Option): string =>
  defaultOf(option) === "" ? "" : ` [default: ${defaultOf(option)}]`;

const defaultCell = (option: Option): string =>
  defaultOf(option) === "" ? "" : `\`${defaultOf(option)}\``;

function writeDuration(ms: number): string {
  for (const [unit, size] of [
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return ms === 0 ? "0" : `${ms}ms`;
}

function writeSize(bytes: number): string {
  for (const [unit, size] of [
    ["Gi", 1024 ** 3],
    ["Mi", 1024 ** 2],
    ["Ki", 1024],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

function sentenceList(items: readonly string[]): string {
  return items.length < 2 ? items.join() : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

function entry(head: string, text: string, width: number): string {
  const column = width < 90 ? 30 : 36;
  const indented = `  ${head}`;
  const body = wrap(text, " ".repeat(column), width);
  return indented.length < column - 1
    ? indented.padEnd(column) + body.trimStart()
    : `${indented}\n${body}`;
}

function wrap(text: string, indent: string, width: number): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && indent.length + last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.map((line) => indent + line).join("\n");
}
