// SPDX-License-Identifier: Apache-2.0
import type { EventCounters, ReaderCounters, RecordCounters, SessionCounters } from "@gander/proto";
import { quoteSentence } from "./events/quote.ts";

/** Events by outcome, as in `gander status -o json`. */
export type EventCounts = {
  readonly exec: RecordCounts;
  readonly exit: RecordCounts;
  readonly policy: RecordCounts;
  readonly readers: Readonly<Record<string, ReaderCounts>>;
  readonly undecodable: number;
  /** Faults of the programs in the kernel, which should not happen. */
  readonly faults: readonly Fault[];
  /** By what became of them, such as `unannounced`; absent: an older sensor does not count them. */
  readonly sessions?: Readonly<Record<string, number>>;
};

export type Fault = {
  readonly name: string;
  readonly count: number;
  readonly meaning: string;
  readonly advice: string;
};

/** Read, or still in the ring: produced - lostRingFull - lostMemory. */
export type RecordCounts = {
  readonly produced: number;
  readonly lostRingFull: number;
  readonly lostMemory: number;
};

type ReaderCounts = {
  readonly written?: number;
  readonly dropped: number;
  readonly rateLimited?: number;
};

export function eventCounts(counters: EventCounters): EventCounts {
  const readers = (counters.readers ?? []).map((reader) => [reader.name ?? "", readerOf(reader)]);
  return {
    exec: recordsOf(counters.exec),
    exit: recordsOf(counters.exit),
    policy: recordsOf(counters.policy),
    readers: Object.fromEntries(readers),
    undecodable: Number(counters.undecodable ?? 0),
    faults: (counters.faults ?? []).map(
      ({ name = "", count = "0", meaning = "", advice = "" }) => ({
        ...{ name, count: Number(count), meaning, advice },
      }),
    ),
    ...(counters.sessions && { sessions: sessionsOf(counters.sessions) }),
  };
}

function sessionsOf(counters: SessionCounters): NonNullable<EventCounts["sessions"]> {
  const names = ["announced", "matched", "ambiguous", "unannounced", "expired", "dropped"] as const;
  return Object.fromEntries(names.map((name) => [name, Number(counters[name] ?? 0)]));
}

function recordsOf(counters: RecordCounters = {}): RecordCounts {
  return {
    produced: Number(counters.produced ?? 0),
    lostRingFull: Number(counters.lost_ring_full ?? 0),
    lostMemory: Number(counters.lost_memory ?? 0),
  };
}

function readerOf({ written, dropped, rate_limited }: ReaderCounters): ReaderCounts {
  return {
    ...(written === undefined ? {} : { written: Number(written) }),
    dropped: Number(dropped ?? 0),
    ...(rate_limited === undefined ? {} : { rateLimited: Number(rate_limited) }),
  };
}

/** The same for people: a line for what happened, one for what is missing, one for each reader. */
export function describeCounts({
  exec,
  exit,
  policy,
  readers,
  undecodable,
  faults,
  sessions = {},
}: EventCounts): string[] {
  const kinds: readonly (readonly [string, RecordCounts])[] = [
    ["exec", exec],
    ["exit", exit],
    ["of policies", policy],
  ];
  const total = (field: keyof RecordCounts) =>
    kinds.reduce((sum, [, counts]) => sum + counts[field], 0);
  const missing = kinds
    .map(([kind, counts]) => [counts.lostRingFull + counts.lostMemory, kind] as const)
    .filter(([lost]) => lost > 0);
  const causes = some([
    [total("lostRingFull"), "ring full"],
    [total("lostMemory"), "no memory"],
  ]);
  return [
    `events: ${kinds.map(([kind, { produced }]) => `${produced} ${kind}`).join(", ")}`,
    missing.length === 0
      ? "lost in the kernel: none"
      : `lost in the kernel: ${some(missing)} (${causes})`,
    ...(undecodable === 0 ? [] : [`undecodable: ${undecodable}, an error of the sensor`]),
    ...faults.map(({ count, meaning, advice }) => quoteSentence(`${count} ${meaning}. ${advice}.`)),
    ...describeSessions(sessions),
    ...Object.entries(readers).flatMap(([name, reader]) => describeReader(name, reader)),
  ];
}

/** Nothing without any. */
function describeSessions(sessions: NonNullable<EventCounts["sessions"]>): string[] {
  const { matched = 0, ambiguous = 0, unannounced = 0, dropped = 0 } = sessions;
  const text = some([
    [matched, "of a known user"],
    [ambiguous, "of one of several users"],
    [unannounced, "unannounced"],
    [dropped, "requests dropped"],
  ]);
  return text === "" ? [] : [`sessions: ${text}`];
}

function describeReader(name: string, { written, dropped, rateLimited = 0 }: ReaderCounts) {
  const left = some([
    [dropped, "dropped"],
    [rateLimited, "over the rate limit"],
  ]);
  const all = [...(written === undefined ? [] : [`${written} written`]), left].filter(Boolean);
  return all.length === 0 ? [] : [`${name}: ${all.join(", ")}`];
}

const some = (counts: readonly (readonly [number, string])[]) =>
  counts.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`])).join(", ");
