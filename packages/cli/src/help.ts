// SPDX-License-Identifier: Apache-2.0
import type { CommandEntry } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { quote } from "./events/quote.ts";

/** What `gander` and `gander --help` print. */
export function overview(): string {
  return `Gander watches and guards what runs on this machine, from inside the kernel.

Usage: gander COMMAND [OPTIONS]

Commands:
${list(COMMANDS)}

Start here:
  sudo gander run --policies DIR    watch and guard this machine
  sudo gander events -o compact     see what happens, in another terminal
  gander policy check FILE…         check policies; needs no root

gander COMMAND --help tells more about a command.
`;
}

/** Help for words that only begin a command, such as \`policy\`; undefined if they begin none. */
export function groupHelp(words: readonly string[]): string | undefined {
  const [first, ...more] = words;
  if (first === undefined) return undefined;
  const group = [first === "tp" || first === "tracingpolicy" ? "policy" : first, ...more];
  const members = COMMANDS.filter(
    (entry) =>
      entry.words.length > group.length && group.every((word, i) => entry.words[i] === word),
  );
  if (members.length === 0) return undefined;
  return `Usage: gander ${group.join(" ")} COMMAND [OPTIONS]\n\nCommands:\n${list(members)}\n`;
}

export async function unknownCommand(words: readonly string[]): Promise<string> {
  // Help itself shall be there at once.
  const { nearestName } = await import("@gander/base");
  const given = words.join(" ");
  const names = COMMANDS.flatMap(({ words }) => [words.join(" "), words[0] ?? ""]);
  const near = nearestName(given, names) ?? nearestName(words[0] ?? "", names);
  const hint = near === undefined ? "See gander --help." : `Did you mean "gander ${near}"?`;
  return `gander: there is no command ${quote(given)}\n  ${hint}\n`;
}

function list(entries: readonly CommandEntry[]): string {
  const width = Math.max(...entries.map(({ words }) => words.join(" ").length)) + 2;
  return entries
    .map(({ words, summary }) => `  ${words.join(" ").padEnd(width)}${summary}`)
    .join("\n");
}
