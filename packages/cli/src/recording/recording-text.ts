// SPDX-License-Identifier: Apache-2.0
import type {
  Loss,
  RecordedProcess,
  RecordingHeader,
  RecordingSummary,
  UnrecordedHook,
} from "@gander/policy-test/recording";
import { quote, quoteSentence } from "../events/quote.ts";

/** What a recording, or what it has of policies, lacks; each a sentence. Empty: nothing. */
export function gapsOf(
  { losses }: RecordingSummary,
  unrecorded: readonly UnrecordedHook[],
): readonly string[] {
  return [
    ...losses.map(lossText),
    ...unrecorded.map(
      ({ policy, path, target }) =>
        `The calls of ${path} (${target}) of the policy ${policy} are not in it.`,
    ),
  ].map(quoteSentence);
}

const causes: Readonly<Record<Loss["why"], string>> = {
  full: "differ from all others and had no room (--max-calls, --max-size)",
  lost: "were lost on the way to the recording",
  suppressed: "were suppressed by a limit on events",
  missed: "were not handed to the programs by the kernel",
  unevaluated: "could not be evaluated by the kernel, for lack of memory",
  unreadable: "could not be read",
  gap: "are missing",
};

function lossText({ why, calls, policy, from, to }: Loss): string {
  const of = policy === undefined ? "" : ` of the policy ${policy}`;
  if (why === "gap")
    return from === undefined || to === undefined
      ? `Calls${of} are missing: the sensor did not have its companion.`
      : `Calls from ${from} to ${to} may be missing: the sensor was restarted.`;
  return `${calls ?? "An unknown number of"} calls${of} ${causes[why]}.`;
}

export function recordingLine(
  file: string,
  { from, node, namespaces, pods }: RecordingHeader,
  { to, calls, lines }: RecordingSummary,
): string {
  const only = [
    ...(namespaces.length > 0 ? [`namespaces ${namespaces.join(", ")}`] : []),
    ...(pods.length > 0 ? [`pods ${pods.join(", ")}`] : []),
  ];
  const where = `${node === "" ? "" : ` on ${node}`}${only.length > 0 ? `, only ${only.join(", ")}` : ""}`;
  return quoteSentence(`${file}: ${calls} calls, ${lines} different, ${from} to ${to}${where}`);
}

/** The end of a report. */
export function incompleteText(gaps: readonly string[]): string {
  if (gaps.length === 0) return "";
  const list = gaps.map((gap) => `  - ${gap}\n`).join("");
  return `The recording is incomplete, so it proves nothing about the calls that are missing:\n${list}`;
}

/** The pod, or where else a process runs; for tables. */
export const podOf = ({ pod, container }: RecordedProcess): string =>
  pod === undefined
    ? container === undefined
      ? "-"
      : `container ${container}`
    : `${pod.namespace}/${pod.name}`;

export const cell = (text: string): string => (text === "" ? "-" : quote(text));
