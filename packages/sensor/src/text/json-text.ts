// SPDX-License-Identifier: Apache-2.0

// Characters that must be escaped in JSON, and those that could move a terminal's cursor or reverse text if a
// line is shown as it is: C0, DEL, C1, line and paragraph separators, direction marks. A JSON reader gets the
// same text, escaped or not.
const unsafe = /["\\\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;
const eachUnsafe = /["\\\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** A JSON string with its quotes, on one line and without control characters of any kind. */
export function jsonText(text: string): string {
  return unsafe.test(text) ? `"${text.replace(eachUnsafe, escapeOne)}"` : `"${text}"`;
}

/** A value as JSON on one line, its texts escaped like those of `jsonText`. */
export function jsonLine(value: unknown): string {
  // Characters that JSON.stringify leaves can only occur inside strings.
  return JSON.stringify(value).replace(eachLeft, escapeOne);
}

const eachLeft = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function escapeOne(character: string): string {
  return short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
