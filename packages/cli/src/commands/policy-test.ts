// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { exitStatus } from "../check/file-report.ts";
import { reportFormats } from "../check/report-formats.ts";
import { defineCommand } from "../define-command.ts";
import { explainError } from "../explain-error.ts";
import { type Io, wantsColor } from "../io.ts";
import { startEngine } from "../policy-test/engines.ts";
import { findTests } from "../policy-test/find-tests.ts";
import { runTests } from "../policy-test/run-tests.ts";
import { type TestValues, testOptions } from "../policy-test/test-options.ts";
import { testText } from "../policy-test/test-text.ts";
import { writeFirstTests } from "../policy-test/write-first-tests.ts";

/** `gander policy test PATH…`: 0 if all cases end as expected, 1 if not, 2 if a test could not be read or run. */
export const policyTest = defineCommand({
  command: "gander policy test",
  summary:
    "Tries policies: for each case of a gander-test.yaml, does it end as the file says? Without --kernel or --cluster neither root nor a sensor is needed, and nothing is done: the calls that Linux makes for an operation come from a table. Exit status: 0 if every case ends as expected, 1 if one does not or is not decided, 2 if a test could not be read or run.",
  options: testOptions,
  positionals: {
    placeholder: "PATH…",
    help: "Tests (gander-test.yaml), directories (read recursively), or patterns such as 'policies/**/*.yaml'.",
    min: 1,
    max: 10_000,
  },
  examples: [
    "gander policy test policies/",
    "gander policy test --run 'accounts/a write' policies/persistence/accounts",
    "sudo gander policy test --kernel live policies/shells",
    "gander policy test --kernel vm policies/",
    "gander policy test --kernel vm --vm-kernel kernel/boot/vmlinuz-6.12.57+deb13-amd64 policies/",
    "gander policy test --cluster default --settle 20s policies/shells",
    "gander policy test -o junit policies/ > gander.xml",
    "gander policy test --init my-policy.yaml",
  ],
  run: async ({ values, positionals }, io) => {
    try {
      if (values.init) return await writeFirstTests(positionals, io);
      return await test(values, positionals, io);
    } catch (error) {
      // Given up in the middle: nothing is known.
      if (io.signal.aborted) return 2;
      if (!(error instanceof GanderError)) throw error;
      io.stderr.write(`${explainError(error)}\n`);
      return 2;
    }
  },
});

async function test(values: TestValues, paths: readonly string[], io: Io): Promise<number> {
  const { output, run, allowUndecided, quiet } = values;
  const only = run === "" ? undefined : patternOf(run);
  const found = await findTests(paths);
  await using engine = await startEngine(values, io);
  const reports = await runTests(found, engine, { only, allowUndecided });
  if (
    only !== undefined &&
    reports.every(({ cases = [], problems }) => cases.length + problems.length === 0)
  )
    throw new GanderError("client-bad-input", `No case has a name that fits ${run}`, {
      hint: "A name is TEST/CASE, such as `accounts/a write`.",
    });
  const text =
    output === "text"
      ? testText(reports, { quiet, color: wantsColor(io, "auto") })
      : reportFormats[output]?.(reports, { io, failOn: "error", quiet });
  io.stdout.write(text ?? "");
  return exitStatus(reports, "error");
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (cause) {
    throw new GanderError("client-bad-input", `--run ${text} is not a regular expression`, {
      hint: "Put a backslash before characters such as ( or * that stand for themselves.",
      cause,
    });
  }
}
