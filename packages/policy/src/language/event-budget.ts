// SPDX-License-Identifier: Apache-2.0
import { msOfUnit } from "./duration.ts";
import { quote, type Value } from "./values.ts";

/** A policy posts at most so many events in such a time; further ones are only counted. */
export type EventBudget = { readonly events: number; readonly windowMs: number };

const longestMs = msOfUnit("d");

/** `1000/1m`: a number of events and the time for them, up to a day. */
export function parseEventBudget(text: string): Value<EventBudget> {
  const [, digits = "", count = "1", unit = ""] =
    /^(\d{1,9})\/(\d{0,6})([smhd])$/i.exec(text.replaceAll(" ", "")) ?? [];
  const events = Number(digits);
  const windowMs = Number(count || "1") * msOfUnit(unit);
  if (unit === "" || events === 0 || windowMs === 0 || windowMs > longestMs)
    return {
      wrong: `${quote(text)} is not a number of events in a time`,
      hint: "Write 1000/1m for a thousand events a minute; the time is at most 1d.",
    };
  return { ok: { events, windowMs } };
}

export const budgetText = ({ events, windowMs }: EventBudget): string =>
  `${events} events in ${windowMs / 1_000} s`;
