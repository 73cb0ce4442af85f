// SPDX-License-Identifier: Apache-2.0
import type { Document, LineCounter } from "yaml";
import { Composer, Lexer, Parser } from "yaml";
import { limits } from "../limits.ts";

/** A limit that was exceeded, and where. */
type Excess = { readonly message: string; readonly hint: string; readonly offset: number };

type ParsedText =
  | { readonly documents: readonly Document[]; readonly excess?: never }
  | { readonly documents?: never; readonly excess: Excess };

/**
 * YAML text → documents, in time and memory that grow with its length. Depth and documents are counted
 * while they are read, so the library's recursive parts get only shallow input. What the library resolves
 * in quadratic time is left to `resolveDocument`: aliases, merge keys and duplicate keys.
 */
export function parseText(text: string, lines: LineCounter): ParsedText {
  const size = Buffer.byteLength(text);
  if (size > limits.fileBytes)
    return {
      excess: {
        message: `The file has ${size} bytes; ${limits.fileBytes} are possible`,
        hint: "Split it into several files.",
        offset: 0,
      },
    };
  let excess: Excess | undefined;
  let errors = 0;
  const parser = new Parser(lines.addNewLine);
  const tokens = function* () {
    lines.addNewLine(0);
    for (const lexeme of new Lexer().lex(text)) {
      for (const token of parser.next(lexeme)) {
        // Each becomes an Error with a stack, and a person does not read that many.
        if (token.type !== "error" || ++errors <= limits.problems) yield token;
      }
      // The first is the document itself.
      if (parser.stack.length > limits.depth + 1) {
        excess = tooDeep(parser.offset);
        return;
      }
    }
    yield* parser.end();
  };
  const documents: Document[] = [];
  for (const document of new Composer(options).compose(tokens())) {
    documents.push(document);
    if (documents.length > limits.documents) {
      excess = tooMany(document.range[0]);
      break;
    }
  }
  return excess ? { excess } : { documents };
}

const options = {
  uniqueKeys: false,
  prettyErrors: false,
  merge: false,
  logLevel: "silent",
} as const;

const tooDeep = (offset: number): Excess => ({
  message: `The file nests lists or mappings deeper than ${limits.depth} levels`,
  hint: "A policy needs a dozen. Close brackets that were opened, and check the indentation.",
  offset,
});

const tooMany = (offset: number): Excess => ({
  message: `The file holds more than ${limits.documents} documents`,
  hint: "Split it into several files.",
  offset,
});
