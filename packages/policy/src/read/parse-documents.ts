// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import type { Document, YAMLParseError } from "yaml";
import { LineCounter, visit } from "yaml";
import { limits } from "../limits.ts";
import { itemsOf } from "./list-items.ts";
import type { SourceDocument } from "./locate.ts";
import { createLocate } from "./locate.ts";
import { parseText } from "./parse-text.ts";
import type { Growth, Report } from "./resolve-document.ts";
import { resolveDocument } from "./resolve-document.ts";

export type ParsedFile = {
  /** The items of a list are documents of their own. */
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly Problem[];
};

/** YAML text → values with positions. For any text, it ends soon and does not throw. */
export function parseDocuments(text: string, file: string): ParsedFile {
  const lines = new LineCounter();
  const problems: Problem[] = [];
  const report: Report = (code, message, hint, offset) => {
    const { line, col } = lines.linePos(offset);
    const place = { line: Math.max(line, 1), column: Math.max(col, 1) };
    problems.push({ file, path: "", ...place, code, message, hint, severity: "error" });
  };
  const parsed = parseText(text, lines);
  if (parsed.excess) {
    const { message, hint, offset } = parsed.excess;
    report("input-too-large", message, hint, offset);
    return { documents: [], problems };
  }
  const documents: SourceDocument[] = [];
  const growth: Growth = { bytesLeft: limits.fileBytes };
  for (const document of parsed.documents) {
    reportSyntax(document, text, report);
    if (document.errors.length > 0) continue;
    const resolved = resolveDocument(document, growth, report);
    if (!resolved) continue;
    const locate = createLocate(document, resolved.targets, { text, lines });
    const whole = { value: resolved.value, locate };
    const items = itemsOf(whole);
    if ((items?.length ?? 0) > limits.documents) {
      report("input-too-large", ...tooManyItems, document.range?.[0] ?? 0);
      continue;
    }
    documents.push(...(items ?? [whole]));
  }
  return { documents, problems };
}

const tooManyItems = [
  `The list has more than ${limits.documents} items`,
  "Split it into several files.",
] as const;

function reportSyntax(document: Document, text: string, report: Report): void {
  for (const [i, error] of document.errors.slice(0, limits.syntaxErrors).entries()) {
    // A missing part at the very end follows from an earlier error.
    if (i > 0 && text.slice(error.pos[0], error.pos[0] + 1024).trim() === "") continue;
    const offset = placeOf(error, document, text);
    report("yaml-syntax", firstLine(error.message), yamlHint(error.message), offset);
  }
}

/** Where a person must look: at the unclosed quote, at the misaligned word. */
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

const firstLine = (message: string): string =>
  (message.split("\n")[0] ?? "").replace(/[.:]$/, "").replace(/"quote$/, 'quote "');

/** By the parser's message, the most specific first. */
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
