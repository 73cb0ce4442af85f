// SPDX-License-Identifier: Apache-2.0
import type { Fuse } from "../compiled-policy.ts";
import { msOfUnit, unitMs } from "./duration.ts";
import { quote } from "./values.ts";

export const fuseAnnotation = "gander.dev/fuse";
/** Its text: a fuse that blew while it was another is armed again. */
export const rearmAnnotation = "gander.dev/fuse-rearmed";

/** As many as a node's programs tell apart. */
export const mostPods = 32;
const longestMs = unitMs.d;
const longestRearm = 64;

/** `at`: the character where it goes wrong. */
type Wrong = { readonly wrong: string; readonly hint: string; readonly at: number };

const form = 'Write "5 pods in 1m": a number of pods and a time in s, m, h or d; or off.';

/** `5 pods in 1m`, or `off`. */
export function parseFuse(text: string): { readonly ok: Fuse | "off" } | Wrong {
  if (text.trim() === "off") return { ok: "off" };
  const wrongAt = (at: number, wrong: string, hint = form): Wrong => ({ wrong, hint, at });
  const match = /^(\s*)(\d+)\s+pods?\s+in\s+(\d*)\s*([smhd])\s*$/.exec(text);
  if (match === null)
    return wrongAt(validStart(text), `${quote(text)} is not a number of pods in a time`);
  const [, space = "", digits = "", count = "", unit = ""] = match;
  const [pods, windowMs] = [Number(digits), Number(count || "1") * msOfUnit(unit)];
  if (pods === 0)
    return wrongAt(
      space.length,
      "A fuse for 0 pods would never let the policy enforce anything",
      "Write the option policy-mode: monitor, or a number from 1 on.",
    );
  if (pods > mostPods)
    return wrongAt(
      space.length,
      `A fuse cannot wait for ${digits.slice(0, 20)} pods`,
      `A node tells up to ${mostPods} apart: write a number up to that.`,
    );
  const timeAt = text.indexOf(" in ") + 4;
  if (windowMs === 0 || windowMs > longestMs)
    return wrongAt(
      timeAt,
      `${quote(text.slice(timeAt).trim())} is no time for a fuse`,
      "Write a time from 1s to 1d.",
    );
  return { ok: { pods, windowMs } };
}

/** How far the text is the beginning of a valid one. */
function validStart(text: string): number {
  const [start = ""] =
    /^\s*(?:\d+(?:\s+(?:p(?:o(?:d(?:s?(?:\s+(?:i(?:n(?:\s+\d*)?)?)?)?)?)?)?)?)?)?/.exec(text) ?? [];
  return Math.min(start.length, Math.max(0, text.length - 1));
}

export const fuseText = (fuse: Fuse | "off" | undefined): string =>
  fuse === undefined || fuse === "off"
    ? (fuse ?? "")
    : `${fuse.pods} ${fuse.pods === 1 ? "pod" : "pods"} in ${timeText(fuse)}`;

function timeText({ windowMs }: Fuse): string {
  const units = Object.entries(unitMs).sort(([, a], [, b]) => b - a);
  const [unit, ms] = units.find(([, length]) => windowMs % length === 0) ?? ["s", unitMs.s];
  return `${windowMs / ms}${unit}`;
}

/** Why it cannot be the text of the annotation. */
export function rearmProblem(text: string): Wrong | undefined {
  if (/^[\x21-\x7e]{1,64}$/.test(text)) return undefined;
  return {
    wrong: `${quote(text.slice(0, 80))} cannot say that a fuse was armed again`,
    hint: `Write the time, such as 2026-11-23T12:00:00Z, or any other text that was not there before: up to ${longestRearm} characters without spaces.`,
    at: 0,
  };
}
