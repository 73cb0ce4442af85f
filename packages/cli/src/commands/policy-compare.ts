// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from "../define-command.ts";
import { terminalSafeJson } from "../events/quote.ts";
import { recordingOptions } from "../recording/recording-options.ts";

/** `gander policy compare OLD NEW [--recording REC]`: 0 if the recording has all that it should, else 2. */
export const policyCompare = defineCommand({
  command: "gander policy compare",
  summary:
    "Says for which calls of a recording (gander record) a new version of policies decides otherwise than the old one: newly denied, newly allowed, newly reported, no longer reported, with their numbers. Without --recording: what changes in what the policies say, in the sentences of gander policy explain. Exit status 2 if the recording is incomplete, unless --allow-loss says that this is no error.",
  options: recordingOptions,
  positionals: {
    placeholder: "OLD NEW",
    help: "Policy files, or directories of them.",
    min: 2,
    max: 2,
  },
  examples: [
    "gander policy compare my-policy.yaml my-policy-v2.yaml --recording monday.rec",
    "gander policy compare main/policies policies",
  ],
  run: async ({ values, positionals: [older = "", newer = ""] }, io) => {
    const [{ policiesOfFiles }, { comparePolicies }, report] = await Promise.all([
      import("../recording/policies-of-files.ts"),
      import("../recording/compare-policies.ts"),
      import("../recording/compare-report.ts"),
    ]);
    const before = await policiesOfFiles([older], io);
    if (typeof before === "number") return before;
    const after = await policiesOfFiles([newer], io);
    if (typeof after === "number") return after;
    const { recording: file, output, allowLoss } = values;
    const isJson = output === "json";
    if (file === "") {
      const changes = report.sentenceChanges(before, after);
      io.stdout.write(
        isJson
          ? `${terminalSafeJson(JSON.stringify({ changes }))}\n`
          : report.sentenceText(changes, [older, newer]),
      );
      return 0;
    }
    const compared = await comparePolicies(before, after, file);
    io.stdout.write(
      isJson
        ? `${terminalSafeJson(JSON.stringify(report.compareJson(compared)))}\n`
        : report.compareText(compared, io),
    );
    return compared.gaps.length === 0 || allowLoss ? 0 : 2;
  },
});
