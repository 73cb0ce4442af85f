// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { GanderError } from "@gander/base";
import type { CaseResult, Engine } from "../case-result.ts";
import type { LoadedTest } from "../load-policy-test.ts";
import { packaged } from "../packaged.ts";
import { fillMachine, type InstalledProgram } from "./fill-machine.ts";
import { type MachineOptions, runMachine } from "./run-machine.ts";

export type MachineEngineOptions = MachineOptions & {
  /** What does them there. Default: what runs here. */
  readonly program?: InstalledProgram;
};

/** Cases are done in a virtual machine, by `gander policy test --kernel live`: one for all tests of a run. */
export function createMachineEngine(options: MachineEngineOptions): Engine {
  return {
    async run(tests) {
      const wanted = tests.filter(({ test }) => test.cases.length > 0);
      if (wanted.length === 0) return tests.map(() => []);
      const program = options.program ?? installedProgram();
      const fill = fillMachine(wanted, program);
      const modules = fileSystemsOf(wanted);
      const end = await runMachine(commandFor(wanted, program), fill, { ...options, modules });
      const found = resultsIn(end);
      return tests.map(({ file, test }) =>
        test.cases.map((one) => {
          const result = found.get(keyOf(resolve(file), one));
          if (result === undefined) throw noAnswer(end);
          return result;
        }),
      );
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** What runs here, as it is installed. @throws GanderError */
function installedProgram(): InstalledProgram {
  const path = packaged(["./gander.mjs", "../gander.mjs", "../../../dist/gander.mjs"]);
  if (existsSync(path)) return { node: process.execPath, gander: path };
  throw new GanderError(
    "client-bad-input",
    "Cannot start a virtual machine: it gets the program as it is installed, and this checkout has none yet",
    { hint: "Run first: make dist" },
  );
}

function commandFor(tests: readonly LoadedTest[], { gander }: InstalledProgram): readonly string[] {
  const names = tests.flatMap(({ test }) =>
    test.cases.map((one) => RegExp.escape(`${test.metadata.name}/${one.name}`)),
  );
  return [
    ...["/usr/local/bin/node", "--disable-sigusr1", gander, "policy", "test", "--kernel=live"],
    ...["--output=json", `--run=^(${names.join("|")})$`],
    ...tests.map(({ file }) => resolve(file)),
  ];
}

/** Kinds of file systems that cases mount. */
function fileSystemsOf(tests: readonly LoadedTest[]): readonly string[] {
  const kinds = tests.flatMap(({ test }) =>
    test.cases.flatMap(({ mounts, given, do: operation }) => [
      ...Object.values(mounts),
      ...[...given, operation].flatMap(({ name, args }) => (name === "mount" ? args[0] : []) ?? []),
    ]),
  );
  return [...new Set(kinds)].filter((kind) => /^\w+$/.test(kind));
}

type Answer = {
  readonly files: readonly { readonly file: string; readonly cases?: readonly CaseResult[] }[];
};
type End = Awaited<ReturnType<typeof runMachine>>;

const keyOf = (file: string, { line, name }: Pick<CaseResult, "line" | "name">) =>
  JSON.stringify([file, line, name]);

function resultsIn(end: End): ReadonlyMap<string, CaseResult> {
  if (end.status > 1) throw noAnswer(end);
  const { files } = JSON.parse(end.stdout) as Answer;
  return new Map(
    files.flatMap(({ file, cases = [] }) => cases.map((one) => [keyOf(file, one), one] as const)),
  );
}

const noAnswer = ({ status, stderr }: End) =>
  new GanderError(
    "client-bad-input",
    `The tests could not be run in the virtual machine (exit status ${status})`,
    { hint: stderr.trim().replace(/^gander: /, "") },
  );
