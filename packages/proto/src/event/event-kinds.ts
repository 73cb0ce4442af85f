// SPDX-License-Identifier: Apache-2.0

type Row = {
  /** Of its field in GetEventsResponse. */
  readonly number: number;
  /** The name of that field. */
  readonly name: string;
  /** The word in `--enable-ancestors` that requests its ancestors. */
  readonly ancestors?: string;
};

/**
 * The kinds of events that a sensor creates. A new one is a row here, and its specific parts: a case in
 * `writeContent` (event-writer.ts), `body` (plain-event.ts) and the sensor's JSON encoder.
 */
const kinds = {
  exec: { number: 1, name: "process_exec", ancestors: "base" },
  exit: { number: 5, name: "process_exit", ancestors: "base" },
  kprobe: { number: 9, name: "process_kprobe", ancestors: "kprobe" },
  tracepoint: { number: 10, name: "process_tracepoint", ancestors: "tracepoint" },
  loader: { number: 11, name: "process_loader", ancestors: "loader" },
  uprobe: { number: 12, name: "process_uprobe", ancestors: "uprobe" },
  lsm: { number: 28, name: "process_lsm", ancestors: "lsm" },
  usdt: { number: 29, name: "process_usdt", ancestors: "usdt" },
  rateLimitInfo: { number: 40001, name: "rate_limit_info" },
  policyFuse: { number: 40002, name: "policy_fuse" },
} as const satisfies Readonly<Record<string, Row>>;

type Kinds = typeof kinds;
export type EventKind = Kinds[keyof Kinds]["number"];
type EventName = Kinds[keyof Kinds]["name"];

export const eventKindRows: readonly (Row & {
  readonly number: EventKind;
  readonly name: EventName;
})[] = Object.values(kinds);

/** Numbers of their fields in GetEventsResponse. */
export const eventKind = Object.fromEntries(
  Object.entries(kinds).map(([kind, { number }]) => [kind, number]),
) as { readonly [K in keyof Kinds]: Kinds[K]["number"] };

/** Of no process: about the stream, or a policy. Filters never hide them. */
export const isNotice = (kind: EventKind): boolean =>
  kind === eventKind.rateLimitInfo || kind === eventKind.policyFuse;
