// SPDX-License-Identifier: Apache-2.0

/** What a line shows of one string; beyond it the length is given instead. UTF-16 units. */
export const MAX_SHOWN = 1024;

/**
 * Makes text of a workload safe for a terminal and for line-based tools. Text of printable
 * characters without spaces is given as it is; anything else in the double quotes and escapes of
 * Go's strconv.Quote, which is what readers of Tetragon's compact output parse. Longer text than
 * `MAX_SHOWN` is cut, with the number of characters that are missing behind the closing quote, where
 * no workload can forge it.
 */
export function quote(text: string): string {
  if (text.length > MAX_SHOWN) {
    const shown = text.slice(0, endOfCharacter(text, MAX_SHOWN));
    return `"${escapeText(shown)}"…+${text.length - shown.length}`;
  }
  // A leading quote must not look like ours.
  return NEEDS_QUOTES.test(text) ? `"${escapeText(text)}"` : text;
}

/** JSON that carries no control or direction character to a terminal; still the same JSON value. */
export function terminalSafeJson(json: string): string {
  return UNSAFE_IN_JSON.test(json)
    ? json.replace(/[\u007f-\u009f\u00ad\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu, unicodeEscapes)
    : json;
}

// Go calls a rune printable if it is a letter, mark, number, punctuation, symbol or the ASCII space.
const NEEDS_QUOTES = /^"|[^\p{L}\p{M}\p{N}\p{P}\p{S}]/u;
const ESCAPED = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;
const UNSAFE_IN_JSON = /[\u007f-\u009f\u00ad\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/u;

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

function escapeText(text: string): string {
  return text.replace(ESCAPED, (character) => SHORT_ESCAPES[character] ?? numericEscape(character));
}

function numericEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code > 0xffff) return `\\U${code.toString(16).padStart(8, "0")}`;
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

function unicodeEscapes(character: string): string {
  let escaped = "";
  for (let i = 0; i < character.length; i++)
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return escaped;
}

/** The end of the last whole character at or before `end`, so that no surrogate pair is split. */
function endOfCharacter(text: string, end: number): number {
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}

/** A sentence that may quote foreign text: spaces stay, anything a terminal would act on is escaped. */
export function quoteSentence(sentence: string): string {
  return sentence.replace(NOT_PRINTABLE, (character) => numericEscape(character));
}

const NOT_PRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;
