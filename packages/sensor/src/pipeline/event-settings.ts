// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import {
  type FieldFilter,
  type Filter,
  fromProtoJson,
  ProtoJsonError,
  type RedactionFilter,
} from "@gander/proto";
import type { SensorConfiguration } from "../configuration/configuration.ts";
import { compileFieldFilters, type FieldView } from "../filters/field-filter.ts";
import { compileFilters, type EventFilter } from "../filters/filter.ts";
import { compileRedaction, type Redact } from "../filters/redaction.ts";

/** The exported events, their fields, and what is redacted in them. */
export type EventSettings = {
  readonly wants: EventFilter;
  readonly view: FieldView | undefined;
  readonly redact: Redact;
};

type FilterOptions = Pick<
  SensorConfiguration,
  "exportAllowlist" | "exportDenylist" | "fieldFilters" | "redactionFilters" | "enableProcessCred"
>;

/** Compiles the filters of a configuration; throws a GanderError that names all problems in them. */
export function eventSettings(options: FilterOptions): EventSettings {
  const wrong: string[] = [];
  const read = <T>(option: string, type: FilterType, texts: readonly string[]): readonly T[] =>
    texts.flatMap((text) =>
      readFilters(type, text, (problem) => wrong.push(`--${option}: ${problem}`)),
    ) as T[];
  const allow = read<Filter>("export-allowlist", "tetragon.Filter", options.exportAllowlist);
  const deny = read<Filter>("export-denylist", "tetragon.Filter", options.exportDenylist);
  const fields = read<FieldFilter>("field-filters", "tetragon.FieldFilter", options.fieldFilters);
  const redaction = read<RedactionFilter>(
    "redaction-filters",
    "tetragon.RedactionFilter",
    options.redactionFilters,
  );
  const wants = compileFilters({ allow, deny }, { withCredentials: options.enableProcessCred });
  const view = compileFieldFilters(fields);
  const redact = compileRedaction(redaction);
  const names: Readonly<Record<string, string>> = {
    allow_list: "--export-allowlist",
    deny_list: "--export-denylist",
  };
  for (const { path, message } of wants.problems ?? [])
    wrong.push(`${path.replace(/^\w+/, (list) => names[list] ?? list)}: ${message}`);
  for (const { path, message } of view.problems ?? [])
    wrong.push(`--field-filters${path}: ${message}`);
  for (const { path, message } of redact.problems ?? [])
    wrong.push(`--redaction-filters${path}: ${message}`);
  if (wrong.length > 0 || wants.value === undefined || redact.value === undefined)
    throw new GanderError(
      "configuration-bad-value",
      `Cannot use the filters: ${wrong.join("; ")}`,
      {
        hint: "docs/events.md describes filters.",
      },
    );
  return { wants: wants.value, view: view.value, redact: redact.value };
}

type FilterType = "tetragon.Filter" | "tetragon.FieldFilter" | "tetragon.RedactionFilter";

/** One filter per line, as in Tetragon's configuration; a list in brackets also works. */
function readFilters(type: FilterType, text: string, report: (problem: string) => void): unknown[] {
  try {
    const values = text.trim().startsWith("[")
      ? JSON.parse(text)
      : lines(text).map((line) => JSON.parse(line));
    return values.map((value: unknown) => fromProtoJson(type, value));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof ProtoJsonError)) throw error;
    report(error instanceof SyntaxError ? `not JSON: ${error.message}` : error.message);
    return [];
  }
}

function lines(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
