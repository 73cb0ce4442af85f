// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Report } from "./attack-result.ts";

/** Events of a sensor or of a whole cluster, as the clients of both give them. */
export type EventSource = (
  request: unknown,
  options: { readonly signal: AbortSignal; readonly onWatching: () => void },
) => AsyncIterable<unknown>;

/** A report, and which container it is about. */
export type PlacedReport = Report & {
  /** The first 31 characters of the container's id. */
  readonly containerId: string;
  readonly pod: string;
  /** Its name in the pod. */
  readonly container: string;
};

export type Reports = AsyncDisposable & {
  readonly all: readonly PlacedReport[];
  /** Why there may be more than these; empty: nothing is known. */
  readonly problem: () => string;
  /** Resolves with whether a program was started with this as an argument. */
  seen(mark: string, timeoutMs: number): Promise<boolean>;
};

const kinds = [
  "PROCESS_EXEC",
  "PROCESS_KPROBE",
  "PROCESS_TRACEPOINT",
  "PROCESS_LSM",
  "PROCESS_UPROBE",
  "PROCESS_USDT",
];
const limit = 10_000;

/** Resolves when events arrive. `filter`: parts of an `allow_list` (docs/events.md). */
export async function watchReports(
  events: EventSource,
  filter: Readonly<Record<string, readonly string[]>> = {},
): Promise<Reports> {
  const stop = new AbortController();
  const all: PlacedReport[] = [];
  const marks = new Set<string>();
  let problem = "";
  const watching = Promise.withResolvers<void>();
  const request = { allow_list: [{ event_set: kinds, ...filter }] };
  const options = { signal: stop.signal, onWatching: () => watching.resolve() };
  const reading = (async () => {
    for await (const event of events(request, options)) {
      for (const word of wordsOf(event)) if (word.startsWith("gander-attack-")) marks.add(word);
      const report = reportOf(event);
      if (report === undefined) continue;
      if (all.length < limit) all.push(report);
      else problem = `there are more than ${limit} reports`;
    }
  })().catch((error: unknown) => {
    problem = error instanceof Error ? error.message : String(error);
    watching.reject(error);
  });
  try {
    await watching.promise;
  } catch (error) {
    stop.abort();
    await reading;
    throw error;
  }
  return {
    all,
    problem: () => problem,
    async seen(mark, timeoutMs) {
      const end = performance.now() + timeoutMs;
      while (!marks.has(mark) && problem === "" && performance.now() < end) await sleep(50);
      return marks.has(mark);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await reading;
    },
  };
}

type Json = Readonly<Record<string, unknown>>;
const object = (value: unknown): Json =>
  typeof value === "object" && value !== null ? (value as Json) : {};
const text = (value: unknown) => (typeof value === "string" ? value : "");

/** Arguments of a program that was started. */
function wordsOf(event: unknown): readonly string[] {
  const { process } = object(object(event).process_exec);
  return text(object(process).arguments).split(" ");
}

/** What an event says of a policy; undefined: it is none of a policy. */
export function reportOf(event: unknown): PlacedReport | undefined {
  const bodies = Object.entries(object(event)).filter(([kind]) => kind.startsWith("process_"));
  const body = object(bodies[0]?.[1]);
  const policy = text(body.policy_name);
  if (policy === "") return undefined;
  const process = object(body.process);
  const pod = object(process.pod);
  return {
    policy,
    action: actionOf(text(body.action)),
    message: text(body.message),
    containerId: text(process.docker),
    pod: text(pod.namespace) === "" ? "" : `${text(pod.namespace)}/${text(pod.name)}`,
    container: text(object(pod.container).name),
  };
}

const actions: Readonly<Record<string, Report["action"]>> = {
  KPROBE_ACTION_POST: "reported",
  KPROBE_ACTION_OVERRIDE: "denied",
  KPROBE_ACTION_SIGKILL: "killed",
  KPROBE_ACTION_SIGNAL: "signalled",
  KPROBE_ACTION_NOTIFYENFORCER: "denied",
};

const actionOf = (name: string) => actions[name] ?? "other";

/** Each once: an operation may call a function several times. */
export function distinct(reports: readonly PlacedReport[]): readonly Report[] {
  const seen = new Map(
    reports.map(({ policy, action, message }): [string, Report] => [
      JSON.stringify([policy, action, message]),
      { policy, action, message },
    ]),
  );
  return [...seen.values()];
}
