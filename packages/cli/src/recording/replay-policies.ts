// SPDX-License-Identifier: Apache-2.0
import type { CheckedPolicy } from "@gander/policy";
import {
  createReplay,
  type RecordingHeader,
  type RecordingSummary,
  type Replay,
  readRecording,
  type Verdict,
} from "@gander/policy-test/recording";
import { quote } from "../events/quote.ts";
import { decidable } from "./policies-of-files.ts";
import { gapsOf } from "./recording-text.ts";
import { Tally } from "./tally.ts";

export type ReplayReport = {
  readonly file: string;
  readonly header: RecordingHeader;
  readonly summary: RecordingSummary;
  readonly tally: Tally;
  /** What unknown calls depend on, with their number. */
  readonly lacking: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
  readonly gaps: readonly string[];
};

export async function replayPolicies(
  policies: readonly CheckedPolicy[],
  file: string,
): Promise<ReplayReport> {
  const compiled = policies.map(decidable);
  const tally = new Tally();
  const lacking = new Map<string, number>();
  let replay: Replay | undefined;
  let hooks: RecordingHeader["hooks"] = [];
  const { header, summary } = await readRecording(file, {
    header(found) {
      hooks = found.hooks;
      replay = createReplay(compiled, found);
    },
    call(call) {
      const judgement = replay?.judge(call);
      const hook = hooks[call.hook];
      if (judgement === undefined || hook === undefined) return;
      tally.add(verdictOf(judgement.possible), hook, call);
      for (const what of judgement.lacking)
        lacking.set(what, (lacking.get(what) ?? 0) + call.count);
    },
  });
  const notes = policies.flatMap(({ compiled: { name, mode } }) =>
    mode === "monitor"
      ? [`${quote(name)} is in mode monitor: shown is what it would do in mode enforce.`]
      : [],
  );
  const gaps = gapsOf(summary, replay?.unrecorded ?? []);
  return { file, header, summary, tally, lacking, notes, gaps };
}

/** `unknown`: the recording does not have what it depends on. */
export const verdictOf = (possible: readonly Verdict[]): Verdict | "unknown" =>
  possible.length === 1 ? (possible[0] ?? "unknown") : "unknown";
