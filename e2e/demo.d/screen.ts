// SPDX-License-Identifier: Apache-2.0

export type Style = "bold" | "dim" | "good" | "bad";

export type Screen = {
  readonly color: boolean;
  paint(style: Style, words: string): string;
  /** A new part of the story, with the seconds since the start. */
  heading(title: string): void;
  /** A sentence for the reader. */
  tell(sentence: string): void;
  /** A command as it is typed. */
  command(line: string): void;
  /** Lines that a program printed or that show what was seen. */
  show(lines: readonly string[]): void;
};

const SGR: Readonly<Record<Style, string>> = { bold: "1", dim: "2", good: "1;32", bad: "1;31" };

export function createScreen(
  write: (text: string) => void,
  options: { readonly color: boolean },
): Screen {
  const start = performance.now();
  const paint = (style: Style, words: string) =>
    options.color ? `\u001b[${SGR[style]}m${words}\u001b[0m` : words;
  return {
    color: options.color,
    paint,
    heading: (title) => {
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      write(`\n${paint("bold", `━━ ${title}`)}  ${paint("dim", `${seconds} s`)}\n`);
    },
    tell: (sentence) => write(`${sentence}\n`),
    command: (line) => write(`   ${paint("bold", `$ ${line}`)}\n`),
    show: (lines) => write(lines.map((line) => `   ${line}\n`).join("")),
  };
}
