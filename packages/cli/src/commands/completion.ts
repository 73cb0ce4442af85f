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
      const groups = Map.groupBy(
        commands.filter(({ words }) => words.length > 1),
        ({ words }) => words[0] ?? "",
      );
      const first = [...new Set(commands.map(({ words }) => words[0]))].join(" ");
      const members = [...groups].map(([group, own]) => {
        const second = own.map(({ words }) => words[1]).join(" ");
        return `  elif ((COMP_CWORD == 2)) && [[ \${COMP_WORDS[1]} == ${group} ]]; then words="${second}"`;
      });
      io.stdout.write(script(shell, { first, rows, members, groups: [...groups.keys()] }));
      return 0;
    },
  });
}

type Parts = {
  readonly first: string;
  readonly groups: readonly string[];
  readonly rows: readonly string[];
  readonly members: readonly string[];
};

function script(shell: string, { first, groups, rows, members }: Parts): string {
  const prelude =
    shell === "zsh" ? "#compdef gander\nautoload -U +X bashcompinit && bashcompinit\n" : "";
  return `${prelude}_gander() {
  local current=\${COMP_WORDS[COMP_CWORD]} words command=\${COMP_WORDS[1]}
  [[ $command =~ ^(${groups.join("|")})$ ]] && command="$command \${COMP_WORDS[2]}"
  case $command in
${rows.join("\n")}
    *) words= ;;
  esac
  if ((COMP_CWORD == 1)); then words="${first}"
${members.join("\n")}
  elif [[ $current != -* ]]; then COMPREPLY=($(compgen -f -- "$current")); return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o filenames -F _gander gander
`;
}
