// SPDX-License-Identifier: Apache-2.0
import type { CommandEntry } from "./command.ts";

const policyAliases = (name: string): readonly (readonly string[])[] => [
  ["tracingpolicy", name],
  ["tp", name],
];

/** Every command there is, in the order in which help shows them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    words: ["run"],
    summary: "Watch and guard this machine by the policies of a directory",
    load: async () => (await import("./commands/run.ts")).run,
  },
  {
    words: ["events"],
    aliases: [["getevents"]],
    summary: "Show what the sensor or the cluster sees, or what an export holds",
    load: async () => (await import("./commands/events.ts")).events,
  },
  {
    words: ["record"],
    summary: "Record what the hooks of policies see, to replay it",
    load: async () => (await import("./commands/record.ts")).record,
  },
  {
    words: ["policy", "check"],
    aliases: policyAliases("check"),
    summary: "Check policy files without loading them",
    load: async () => (await import("./commands/policy-check.ts")).policyCheck,
  },
  {
    words: ["policy", "explain"],
    aliases: policyAliases("explain"),
    summary: "Say in sentences what policies do, cost and can't see",
    load: async () => (await import("./commands/policy-explain.ts")).policyExplain,
  },
  {
    words: ["policy", "test"],
    aliases: policyAliases("test"),
    summary: "Try policies: what do they stop, report and let pass?",
    load: async () => (await import("./commands/policy-test.ts")).policyTest,
  },
  {
    words: ["policy", "except"],
    summary: "Write an exception for what an event shows",
    load: async () => (await import("./commands/policy-except.ts")).policyExcept,
  },
  {
    words: ["policy", "replay"],
    aliases: policyAliases("replay"),
    summary: "Say what policies would have done with recorded calls",
    load: async () => (await import("./commands/policy-replay.ts")).policyReplay,
  },
  {
    words: ["policy", "compare"],
    aliases: policyAliases("compare"),
    summary: "Say for which recorded calls a new version decides otherwise",
    load: async () => (await import("./commands/policy-compare.ts")).policyCompare,
  },
  {
    words: ["policy", "list"],
    aliases: policyAliases("list"),
    summary: "List policies: state, hits, what was enforced",
    load: async () => (await import("./commands/policy-list.ts")).policyList,
  },
  {
    words: ["policy", "add"],
    aliases: policyAliases("add"),
    summary: "Give policies to the running sensor",
    load: async () => (await import("./commands/policy-change.ts")).policyAdd,
  },
  {
    words: ["policy", "delete"],
    aliases: policyAliases("delete"),
    summary: "Take policies away from the running sensor",
    load: async () => (await import("./commands/policy-change.ts")).policyDelete,
  },
  {
    words: ["policy", "enable"],
    aliases: policyAliases("enable"),
    summary: "Put disabled policies in force again",
    load: async () => (await import("./commands/policy-change.ts")).policyEnable,
  },
  {
    words: ["policy", "disable"],
    aliases: policyAliases("disable"),
    summary: "Put policies out of force, without forgetting them",
    load: async () => (await import("./commands/policy-change.ts")).policyDisable,
  },
  {
    words: ["policy", "set-mode"],
    aliases: policyAliases("set-mode"),
    summary: "Let a policy enforce, or only watch",
    load: async () => (await import("./commands/policy-change.ts")).policySetMode,
  },
  {
    words: ["policy", "rearm"],
    aliases: policyAliases("rearm"),
    summary: "Let a policy enforce again whose fuse is blown",
    load: async () => (await import("./commands/policy-change.ts")).policyRearm,
  },
  {
    words: ["policy", "status"],
    aliases: policyAliases("status"),
    summary: "Tell how a policy fares on all nodes of the cluster",
    load: async () => (await import("./commands/policy-status.ts")).policyStatus,
  },
  {
    words: ["policy", "history"],
    aliases: policyAliases("history"),
    summary: "List the revisions of a policy that the operator has kept",
    load: async () => (await import("./commands/policy-history.ts")).policyHistory,
  },
  {
    words: ["policy", "diff"],
    aliases: policyAliases("diff"),
    summary: "Show what changed between revisions of a policy",
    load: async () => (await import("./commands/policy-diff.ts")).policyDiff,
  },
  {
    words: ["policy", "rollback"],
    aliases: policyAliases("rollback"),
    summary: "Write an earlier revision of a policy to the cluster again",
    load: async () => (await import("./commands/policy-rollback.ts")).policyRollback,
  },
  {
    words: ["attack", "list"],
    summary: "List harmless attacks that policies of the library stop",
    load: async () => (await import("./commands/attack-list.ts")).attackList,
  },
  {
    words: ["attack", "run"],
    summary: "Do such attacks, to see policies work",
    load: async () => (await import("./commands/attack-run.ts")).attackRun,
  },
  {
    words: ["policy", "library", "list"],
    summary: "List the policies that this version brings",
    load: async () => (await import("./commands/library-list.ts")).libraryList,
  },
  {
    words: ["policy", "library", "show"],
    summary: "Say what policies of the library stop, hit and cost",
    load: async () => (await import("./commands/library-show.ts")).libraryShow,
  },
  {
    words: ["policy", "library", "export"],
    summary: "Write policies of the library as YAML",
    load: async () => (await import("./commands/library-export.ts")).libraryExport,
  },
  {
    words: ["policy", "library", "diff"],
    summary: "Compare copies of policies with the library",
    load: async () => (await import("./commands/library-diff.ts")).libraryDiff,
  },
  {
    words: ["status"],
    summary: "Tell whether the sensor, or the cluster, is ready",
    load: async () => (await import("./commands/status.ts")).status,
  },
  {
    words: ["loglevel"],
    summary: "Show or change which log lines the sensor writes",
    load: async () => (await import("./commands/loglevel.ts")).loglevel,
  },
  {
    words: ["bugtool"],
    summary: "Find what is wrong with a sensor, and write an archive about it",
    load: async () => (await import("./commands/bugtool.ts")).bugtool,
  },
  {
    words: ["migrate"],
    summary: "Turn values of Tetragon's chart into Gander's",
    load: async () => (await import("./commands/migrate.ts")).migrate,
  },
  {
    words: ["version"],
    summary: "Print the version, and that of the sensor if one runs",
    load: async () => (await import("./commands/version.ts")).version,
  },
  {
    words: ["completion"],
    summary: "Print a completion script for bash or zsh",
    load: async () => (await import("./commands/completion.ts")).createCompletion(COMMANDS),
  },
];

export type Found = { readonly entry: CommandEntry; readonly rest: readonly string[] };

/** The command that the first words name, and what follows them. */
export function findCommand(argv: readonly string[]): Found | undefined {
  for (const entry of COMMANDS)
    for (const words of [entry.words, ...(entry.aliases ?? [])])
      if (words.every((word, index) => argv[index] === word))
        return { entry, rest: argv.slice(words.length) };
  return undefined;
}
