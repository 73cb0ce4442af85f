// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from "../define-command.ts";
import { terminalSafeJson } from "../events/quote.ts";
import { recordingOptions } from "../recording/recording-options.ts";

/** `gander policy replay FILE… --recording REC`: 0 if the recording has all that it should, else 2. */
export const policyReplay = defineCommand({
  command: "gander policy replay",
  summary:
    "Says what policies would have done with the calls of a recording (gander record): which they would have killed, denied, reported or allowed, of which binaries and pods, how often. Policies are taken to enforce, whatever their mode. Calls that depend on what no event has are unknown, and counted apart. Neither root nor a sensor is needed. Exit status 2 if the recording is incomplete, unless --allow-loss says that this is no error.",
  options: recordingOptions,
  positionals: {
    placeholder: "FILE…",
    help: "Policy files, or directories of them.",
    min: 1,
    max: 1000,
  },
  examples: [
    "gander policy replay my-policy.yaml --recording monday.rec",
    "gander policy replay -o json --allow-loss policies/ --recording monday.rec",
  ],
  run: async ({ values, positionals }, io) => {
    const { recording: file, allowLoss, output } = values;
    if (file === "") {
      io.stderr.write("gander: --recording is needed. See gander policy replay --help.\n");
      return 2;
    }
    const [{ policiesOfFiles }, { replayPolicies }, { replayText, replayJson }] = await Promise.all(
      [
        import("../recording/policies-of-files.ts"),
        import("../recording/replay-policies.ts"),
        import("../recording/replay-report.ts"),
      ],
    );
    const policies = await policiesOfFiles(positionals, io);
    if (typeof policies === "number") return policies;
    const report = await replayPolicies(policies, file);
    io.stdout.write(
      output === "json"
        ? `${terminalSafeJson(JSON.stringify(replayJson(report)))}\n`
        : replayText(report, io),
    );
    return report.gaps.length === 0 || allowLoss ? 0 : 2;
  },
});
