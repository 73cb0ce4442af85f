// SPDX-License-Identifier: Apache-2.0
import { hookKindNames } from "@gander/policy";
import * as v from "valibot";

/**
 * A recording is gzip of JSON lines: a header, then processes and calls, each process before the first call that names
 * it, and at last a summary: a file without one is not whole. docs/recordings.md describes them. The schema is the
 * source of the types and the check of what is read: a recording may come from anywhere.
 */
export const recordingVersion = 1;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const position = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffffffff));
const text = v.string();
const time = v.pipe(v.string(), v.isoTimestamp());

const arg = v.strictObject({
  index: position,
  type: text,
  source: v.exactOptional(text),
  resolve: v.exactOptional(text),
  btfType: v.exactOptional(text),
  /** False: no filter of the recorded policies tests it, so calls are not told apart by it. */
  kept: v.boolean(),
  /** Of a socket, its own port: the same. */
  keptSourcePort: v.boolean(),
});

/** A hook entry of a recorded policy: its calls. */
const hook = v.strictObject({
  policy: text,
  kind: v.picklist(hookKindNames),
  target: text,
  others: v.exactOptional(v.array(text)),
  generated: v.exactOptional(v.unknown()),
  program: v.exactOptional(v.unknown()),
  syscall: v.boolean(),
  raw: v.boolean(),
  args: v.pipe(v.array(arg), v.maxLength(64)),
  returnArg: v.exactOptional(arg),
});

const headerLine = v.strictObject({
  recording: v.literal("gander"),
  version: v.literal(recordingVersion),
  node: text,
  from: time,
  hooks: v.pipe(v.array(hook), v.maxLength(10_000)),
  /** Only calls of these; empty: of all. */
  namespaces: v.array(text),
  pods: v.array(text),
  /** Facts of processes, beside those that each has, that filters of the recorded policies test. */
  facts: v.array(v.picklist(["pid", "parent", "ancestors"])),
});

const pod = v.strictObject({
  namespace: text,
  name: text,
  container: v.exactOptional(text),
  workload: v.exactOptional(text),
  labels: v.exactOptional(v.record(text, text)),
});

const process = v.strictObject({
  binary: text,
  /** Words of the event's field: what is missing about it. */
  flags: v.exactOptional(text),
  inInitTree: v.boolean(),
  pod: v.exactOptional(pod),
  /** In a container, whether its pod is known or not. */
  container: v.exactOptional(text),
  pid: v.exactOptional(position),
  parent: v.exactOptional(v.strictObject({ binary: text, flags: v.exactOptional(text) })),
  /** From the parent upwards; absent: the sensor's events have none. */
  ancestors: v.exactOptional(v.array(text)),
});

const processLine = v.strictObject({ process: position, facts: process });

/** As in events, without the label; null: not kept. */
const value = v.nullable(v.record(text, v.unknown()));

const callLine = v.strictObject({
  hook: position,
  /** Which, of a hook entry for several. */
  function: v.exactOptional(text),
  process: position,
  args: v.pipe(v.array(value), v.maxLength(64)),
  returned: v.exactOptional(value),
  count: v.pipe(count, v.minValue(1)),
  first: time,
  last: time,
});

const loss = v.strictObject({
  /** full: of calls that are not told apart, there were more than the recording has room for. */
  why: v.picklist(["full", "lost", "suppressed", "missed", "unevaluated", "unreadable", "gap"]),
  /** Absent: not known. */
  calls: v.exactOptional(count),
  policy: v.exactOptional(text),
  from: v.exactOptional(time),
  to: v.exactOptional(time),
});

const summaryLine = v.strictObject({
  summary: v.strictObject({
    to: time,
    calls: count,
    lines: count,
    losses: v.array(loss),
  }),
});

export const lineSchemas = { headerLine, processLine, callLine, summaryLine };

type Frozen<T> = unknown extends T ? T : { readonly [K in keyof T]: Frozen<T[K]> };
type Static<S extends v.GenericSchema> = Frozen<v.InferOutput<S>>;

export type RecordedArg = Static<typeof arg>;
export type RecordedHook = Static<typeof hook>;
export type RecordedPod = Static<typeof pod>;
export type RecordedProcess = Static<typeof process>;
export type RecordedValue = Static<typeof value>;
export type CallLine = Static<typeof callLine>;
export type ProcessLine = Static<typeof processLine>;
export type RecordingHeader = Static<typeof headerLine>;
export type RecordingSummary = Static<typeof summaryLine>["summary"];
export type Loss = Static<typeof loss>;
/** Of processes. */
export type NeededFact = RecordingHeader["facts"][number];
