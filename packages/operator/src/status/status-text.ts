// SPDX-License-Identifier: Apache-2.0

/** Joins as many items as fit into `length` characters, and adds how many more there are. */
export function listText(items: readonly string[], length: number): string {
  let text = "";
  for (const [i, item] of items.entries()) {
    const next = i === 0 ? item : `${text}; ${item}`;
    if (next.length > length && i > 0) return `${text}; and ${items.length - i} more`;
    text = next;
  }
  return cutText(text, length);
}

/** The API server counts Unicode characters, and refuses longer texts. */
export function cutText(text: string, length: number): string {
  const characters = text.length <= length ? undefined : [...text];
  if (characters === undefined || characters.length <= length) return text;
  return `${characters.slice(0, length - 1).join("")}…`;
}

export const plural = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;

/** `97 %`: 100 only for all of them, 0 only for none. */
export function percentText(part: number, of: number): string {
  const percent = Math.round((part / of) * 100);
  return `${part === of ? 100 : Math.min(99, part === 0 ? 0 : Math.max(1, percent))} %`;
}
