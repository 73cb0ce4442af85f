// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import type { Document, YAMLParseError } from "yaml";
import { LineCounter, parseAllDocuments, visit } from "yaml";
import { limits } from "../limits.ts";
import { checkNodes } from "./check-nodes.ts";
import type { Locate } from "./locate.ts";
import { createLocate } from "./locate.ts";

export type SourceDocument = {
  /** Plain values; maps are objects without duplicate keys. */
  readonly value: unknown;
  readonly locate: Locate;
};

export type ParsedFile = {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly Problem[];
};

type Report = (code: Problem["code"], message: string, hint: string, offset: number) => void;

/** YAML text → values with positions. Whatever the text is, it ends soon and does not throw. */
export function parseDocuments(text: string, file: string): ParsedFile {
  const lines = new LineCounter();
  const problems: Problem[] = [];
  const report: Report = (code, message, hint, offset) => {
    const { line, col } = lines.linePos(offset);
    const place = { line: Math.max(line, 1), column: Math.max(col, 1) };
    problems.push({ file, path: "", ...place, code, message, hint, severity: "error" });
  };
  const parsed = parseBounded(text, lines);
  if (typeof parsed === "string") {
    report("input-too-large", parsed, "Split it into several policies.", 0);
    return { documents: [], problems };
  }
  const documents: SourceDocument[] = [];
  for (const document of parsed) {
    reportSyntax(document, text, report);
    const source = document.errors.length > 0 ? undefined : toSource(document, lines, report);
    if (source) documents.push(source);
  }
  return { documents, problems };
}

/** The documents of a text, or why it is more than anybody needs. */
function parseBounded(text: string, lines: LineCounter): readonly Document[] | string {
  const size = Buffer.byteLength(text);
  if (size > limits.fileBytes)
    return `The file has ${size} bytes; ${limits.fileBytes} are possible`;
  const parsed = withinStack(() => parse(text, lines));
  const tooDeep = parsed?.some(({ errors }) =>
    errors.some(({ message }) => /call stack/.test(message)),
  );
  if (!parsed || tooDeep) return "The file nests lists or mappings too deeply";
  if (parsed.length <= limits.documents) return parsed;
  return `The file holds ${parsed.length} documents; ${limits.documents} are possible`;
}

function reportSyntax(document: Document, text: string, report: Report): void {
  for (const [i, error] of document.errors.slice(0, limits.syntaxErrors).entries()) {
    // What is missing at the very end follows from an error before.
    if (i > 0 && text.slice(error.pos[0], error.pos[0] + 1024).trim() === "") continue;
    const offset = placeOf(error, document, text);
    report("yaml-syntax", firstLine(error.message), yamlHint(error.message), offset);
  }
}

function parse(text: string, lineCounter: LineCounter): readonly Document[] {
  // Duplicate keys are looked for in checkNodes: the library compares every key with every other.
  const parsed = parseAllDocuments(text, {
    lineCounter,
    uniqueKeys: false,
    prettyErrors: false,
    merge: true,
    logLevel: "silent",
  });
  return "empty" in parsed ? [] : parsed;
}

/** The parser recurses: undefined where a hostile depth ends the stack. */
function withinStack<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function toSource(
  document: Document,
  lines: LineCounter,
  report: Report,
): SourceDocument | undefined {
  try {
    if (!checkNodes(document, report)) return undefined;
    return { value: document.toJS({ maxAliasCount: 100 }), locate: createLocate(document, lines) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    report(
      "yaml-alias",
      `An alias cannot be followed: ${lowerFirst(reason)}`,
      "Write the repeated part out.",
      document.range?.[0] ?? 0,
    );
    return undefined;
  }
}

/** Where a person has to look: at the quote that is not closed, at the word that is out of line. */
function placeOf(error: YAMLParseError, document: Document, text: string): number {
  let offset = error.pos[0];
  if (error.message.startsWith("Missing closing")) {
    visit(document, {
      Scalar(_, node) {
        if (node.type?.startsWith("QUOTE") && (node.range?.[1] ?? 0) >= offset) {
          offset = node.range?.[0] ?? offset;
          return visit.BREAK;
        }
        return undefined;
      },
    });
    return offset;
  }
  while (text[offset] === " ") offset++;
  return offset;
}

const lowerFirst = (text: string): string => text.slice(0, 1).toLowerCase() + text.slice(1);

const firstLine = (message: string): string =>
  (message.split("\n")[0] ?? "").replace(/[.:]$/, "").replace(/"quote$/, 'quote "');

/** By what the parser says, the most telling first. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/Tabs are not allowed/, "YAML is indented with spaces only."],
  [/Missing closing .*quote/, "Close the quote on the same line."],
  [
    /without - indicator/,
    "Check the indentation: fields of one entry begin in the same column, entries of a list with a dash.",
  ],
  [/end with a [\]}]|to end with/, "Close the bracket."],
  [
    /Nested mappings|compact mappings/,
    "Put a text that contains `: ` in quotes; otherwise check the indentation.",
  ],
  [/implicit (map )?keys?/i, "A colon is missing after the key, or the indentation is wrong."],
  [/same column|indent/i, "Entries of one list or mapping must begin in the same column."],
  [/comma|flow/i, "Check commas and brackets here and in the line before."],
  [/reserved|cannot start/, "Put a text that begins with @, `, %, *, & or ! in quotes."],
];

function yamlHint(message: string): string {
  const hint = hints.find(([pattern]) => pattern.test(message))?.[1];
  return hint ?? "Check indentation, quotes and brackets here and in the line before.";
}
