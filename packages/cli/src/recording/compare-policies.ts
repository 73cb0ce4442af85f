// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { CheckedPolicy } from "@gander/policy";
import {
  createReplay,
  type Judgement,
  type RecordingHeader,
  readRecording,
  type Verdict,
} from "@gander/policy-test/recording";
import { decidable } from "./policies-of-files.ts";
import { gapsOf } from "./recording-text.ts";
import { type ReplayReport, verdictOf } from "./replay-policies.ts";
import { Tally } from "./tally.ts";

/** The verdict of a row says how it changes. */
export const changes = [
  "newly denied",
  "newly allowed",
  "killed, was denied",
  "denied, was killed",
  "newly reported",
  "no longer reported",
  "unknown",
  "unchanged",
] as const;
export type Change = (typeof changes)[number];

export async function comparePolicies(
  before: readonly CheckedPolicy[],
  after: readonly CheckedPolicy[],
  file: string,
): Promise<ReplayReport> {
  const tally = new Tally();
  const lacking = new Map<string, number>();
  let hooks: RecordingHeader["hooks"] = [];
  const replays: ReturnType<typeof createReplay>[] = [];
  /** Hooks whose entries are the same before and after: no call changes, even where it is unknown. */
  let same: readonly boolean[] = [];
  const { header, summary } = await readRecording(file, {
    header(found) {
      hooks = found.hooks;
      const [old, now] = [before.map(decidable), after.map(decidable)];
      replays.push(createReplay(old, found, now), createReplay(now, found, old));
      same = hooks.map((_, i) => isDeepStrictEqual(replays[0]?.entries(i), replays[1]?.entries(i)));
    },
    call(call) {
      const hook = hooks[call.hook];
      if (hook === undefined) return;
      const judged = replays.map((replay) => replay.judge(call));
      if (judged.every((one) => one === undefined)) return;
      const [old = noEntry, now = noEntry] = judged;
      const change = same[call.hook] ? "unchanged" : changeOf(old, now);
      tally.add(change, hook, call);
      if (change === "unknown")
        for (const what of new Set([...old.lacking, ...now.lacking]))
          lacking.set(what, (lacking.get(what) ?? 0) + call.count);
    },
  });
  const unrecorded = replays.flatMap((replay) => replay.unrecorded);
  const named = new Map(unrecorded.map((one) => [JSON.stringify(one), one]));
  const gaps = gapsOf(summary, [...named.values()]);
  return { file, header, summary, tally, lacking, notes: [], gaps };
}

/** Without a hook entry for it, a call is allowed. */
const noEntry: Judgement = { possible: ["allowed"], lacking: [] };

const isStopped = (verdict: Verdict): boolean => verdict === "denied" || verdict === "killed";

function changeOf(old: Judgement, now: Judgement): Change {
  const [before, after] = [verdictOf(old.possible), verdictOf(now.possible)];
  if (before === "unknown" || after === "unknown") return "unknown";
  if (before === after) return "unchanged";
  if (isStopped(before) && isStopped(after))
    return after === "killed" ? "killed, was denied" : "denied, was killed";
  if (isStopped(after)) return "newly denied";
  if (isStopped(before)) return "newly allowed";
  return after === "reported" ? "newly reported" : "no longer reported";
}
