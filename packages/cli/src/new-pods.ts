// SPDX-License-Identifier: Apache-2.0
import type { NewPods } from "@gander/proto";
import { quote } from "./events/quote.ts";

/** What happens to processes of a pod before its policies have arrived, as `gander status` has it. */
export type NewPodsReport = {
  /** observe or hold. */
  readonly mode: string;
  /** The longest that they are held. */
  readonly limitMs: number;
  readonly heldNow: number;
  readonly held: number;
  /** Processes that ran before the policies of their pod were in force. */
  readonly ranEarly: number;
};

export function newPodsReport(message: NewPods): NewPodsReport {
  return {
    mode: message.mode ?? "",
    limitMs: message.limit_ms ?? 0,
    heldNow: message.held_now ?? 0,
    held: Number(message.held ?? 0),
    ranEarly: Number(message.ran_early ?? 0),
  };
}

/** For people, in one line. */
export function describeNewPods({ mode, limitMs, heldNow, held, ranEarly }: NewPodsReport): string {
  const early = `${ranEarly} processes ran before the policies of their pod`;
  if (mode !== "hold") return `new pods: ${quote(mode)}: ${early}`;
  return `new pods: hold, at most ${limitMs} ms: ${heldNow} processes held now, ${held} so far; ${early}`;
}
