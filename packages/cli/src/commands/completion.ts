// SPDX-License-Identifier: Apache-2.0
import type { Command, CommandEntry } from "../command.ts";
import { defineCommand } from "../define-command.ts";

/** `gander completion bash|zsh`, for all of `commands`. */
export function createCompletion(commands: readonly CommandEntry[]): Command {
  return defineCommand({
    command: "gander completion",
    summary: "Prints a completion script.",
    options: {},
    positionals: { placeholder: "bash|zsh", help: "The shell.", min: 1, max: 1 },
    examples: ["source <(gander completion bash)", "gander completion zsh > ~/.zfunc/_gander"],
    run: async ({ positionals: [shell] }, io) => {
      if (shell !== "bash" && shell !== "zsh") {
        io.stderr.write("gander: completion is there for bash and zsh\n");
        return 2;
      }
      const rows = await Promise.all(
        commands.map(async ({ words, load }) => {
          const names = ["help", ...(await load()).optionNames];
          return `    "${words.join(" ")}") words="${names.map((name) => `--${name}`).join(" ")}" ;;`;
        }),
      );
      io.stdout.write(script(shell, groupsOf(commands), rows));
      return 0;
    },
  });
}

/** Words that begin commands (`policy library`; first of all none), and the words that may follow them. */
function groupsOf(commands: readonly CommandEntry[]): ReadonlyMap<string, ReadonlySet<string>> {
  const groups = new Map<string, Set<string>>([["", new Set()]]);
  for (const { words } of commands)
    for (const [i, word] of words.entries()) {
      const before = words.slice(0, i).join(" ");
      groups.set(before, (groups.get(before) ?? new Set()).add(word));
    }
  return groups;
}

function script(
  shell: string,
  groups: ReadonlyMap<string, ReadonlySet<string>>,
  rows: readonly string[],
): string {
  const prelude =
    shell === "zsh" ? "#compdef gander\nautoload -U +X bashcompinit && bashcompinit\n" : "";
  const isAt = (group: string) => {
    const count = group === "" ? 0 : group.split(" ").length;
    return `((COMP_CWORD == ${count + 1})) && [[ "\${COMP_WORDS[*]:1:${count}}" == "${group}" ]]`;
  };
  const longer = [...groups.keys()].filter((group) => group !== "");
  return `${prelude}_gander() {
  local current=\${COMP_WORDS[COMP_CWORD]} words command=\${COMP_WORDS[1]}
${longer.map((group) => `  [[ $command == "${group}" ]] && command+=" \${COMP_WORDS[${group.split(" ").length + 1}]}"`).join("\n")}
  case $command in
${rows.join("\n")}
    *) words= ;;
  esac
${[...groups].map(([group, words], i) => `  ${i === 0 ? "if" : "elif"} ${isAt(group)}; then words="${[...words].join(" ")}"`).join("\n")}
  elif [[ $current != -* ]]; then COMPREPLY=($(compgen -f -- "$current")); return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o filenames -F _gander gander
`;
}
