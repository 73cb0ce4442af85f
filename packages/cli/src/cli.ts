// SPDX-License-Identifier: Apache-2.0
import { findCommand } from "./commands.ts";
import { groupHelp, overview, unknownCommand } from "./help.ts";
import { columnsOf, type Io } from "./io.ts";

/** Runs one command line; gives its exit status. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const [first, ...others] = argv;
  if (first === "--version" || first === "-v") return runCli(["version", "--client"], io);
  if (first === "help") return runCli([...others, "--help"], io);
  if (first === undefined || first === "--help" || first === "-h") {
    (first === undefined ? io.stderr : io.stdout).write(overview());
    return first === undefined ? 2 : 0;
  }
  const found = findCommand(argv);
  if (found === undefined) return withoutCommand(argv, io);
  const command = await found.entry.load();
  if (asksForHelp(found.rest)) {
    io.stdout.write(command.help(columnsOf(io) ?? 80));
    return 0;
  }
  try {
    return await command.run(found.rest, io);
  } catch (error) {
    if (io.signal.aborted) return 0;
    const { explainError } = await import("./explain-error.ts");
    io.stderr.write(`${explainError(error)}\n`);
    return 1;
  }
}

async function withoutCommand(argv: readonly string[], io: Io): Promise<number> {
  const words = argv.filter((word) => !word.startsWith("-"));
  const help = groupHelp(words);
  if (help === undefined) io.stderr.write(await unknownCommand(words));
  else (asksForHelp(argv) ? io.stdout : io.stderr).write(help);
  return help !== undefined && asksForHelp(argv) ? 0 : 2;
}

function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const options = end === -1 ? argv : argv.slice(0, end);
  return options.includes("--help") || options.includes("-h");
}
