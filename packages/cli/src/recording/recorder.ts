// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { GanderError } from "@gander/base";
import type { CheckedPolicy } from "@gander/policy";
import {
  type Companion,
  companionOf,
  DistinctCalls,
  type Loss,
  type NeededFact,
  type RecordedHook,
  type RecordedProcess,
  type RecordingSummary,
  recordedCall,
  recordingVersion,
  writeRecording,
} from "@gander/policy-test/recording";
import type { TracingPolicyActionCounters } from "@gander/proto";
import type { SensorClient } from "../sensor-client.ts";

export type RecorderOptions = {
  readonly policies: readonly CheckedPolicy[];
  readonly output: string;
  readonly namespaces: readonly string[];
  readonly pods: readonly string[];
  /** Whether a process is one that is asked for. */
  readonly wants: (process: RecordedProcess) => boolean;
  readonly maxCalls: number;
  readonly maxChars: number;
  /** Processes whose calls the recording would itself cause; another sensor is another process. */
  readonly withoutPids: () => Promise<readonly number[]>;
  /** Distinguishes its companions from those of other recordings. */
  readonly id: string;
  readonly checkpointMs: number;
  /** How long events that the kernel has counted may take to arrive. */
  readonly settleMs: number;
  readonly note: (text: string) => void;
};

/** What a recorder does with a sensor. */
export type RecordedSensor = Pick<
  SensorClient,
  "events" | "listPolicies" | "addPolicy" | "deletePolicy"
>;

/** Names of companions begin so. */
export const companionPrefix = "gander-record-";

const pollMs = 50;
const reconnectMs = 500;

/**
 * What the hooks of policies see, from their companions' events. What arrived is compared with what the kernel has
 * counted, so that nothing is lost without a word.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #calls: DistinctCalls;
  readonly #hooks: readonly RecordedHook[];
  readonly #needed: ReadonlySet<NeededFact>;
  /** Of sensors, or times, that are over. */
  readonly #past: Loss[] = [];
  /** Of the sensor that runs. */
  #present: readonly Loss[] = [];
  /** By companion: events that arrived. */
  #received = new Map<string, number>();
  #epoch = 0;
  /** A sensor has taken the companions once. */
  #hasBegun = false;
  /** When the companions were in place. */
  #from = new Date().toISOString();
  /** All calls before it are in, or counted as lost. */
  #to = this.#from;
  #node = "";

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#calls = new DistinctCalls(options);
    const companions = this.#companions([]);
    this.#hooks = companions.flatMap(({ hooks }) => hooks);
    const tested = companions.flatMap((one) => one.tested);
    this.#needed = new Set(tested.flatMap(({ facts }) => [...facts]));
  }

  /**
   * Records until the signal; connects again when the sensor was restarted.
   * @throws GanderError if it can't begin, or the file can't be written.
   */
  async run(
    withSensor: (use: (sensor: RecordedSensor) => Promise<void>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<RecordingSummary> {
    while (!signal.aborted) {
      try {
        await withSensor((sensor) => this.#session(sensor, signal));
      } catch (error) {
        const canWait = error instanceof GanderError && error.retryable && this.#hasBegun;
        if (!canWait && this.#hasBegun) await this.#write();
        if (!canWait) throw error;
        await sleep(reconnectMs, undefined, { signal }).catch(() => undefined);
      }
    }
    return this.#write();
  }

  #companions(withoutPids: readonly number[]): readonly Companion[] {
    const made: Companion[] = [];
    let firstHook = 0;
    for (const [i, policy] of this.#options.policies.entries()) {
      const name = `${companionPrefix}${this.#options.id}-${this.#epoch}-${i}`;
      const { value, problems } = companionOf(policy, { name, firstHook, withoutPids });
      if (value === undefined) {
        const [{ message, hint } = { message: "", hint: "" }] = problems;
        throw new GanderError("client-bad-input", message, { hint });
      }
      made.push(value);
      firstHook += value.hooks.length;
    }
    return made;
  }

  /** With one sensor, until it goes away or the recording ends. */
  async #session(sensor: RecordedSensor, signal: AbortSignal): Promise<void> {
    const companions = this.#companions(await this.#options.withoutPids());
    this.#epoch++;
    await this.#removeOwn(sensor);
    this.#received = new Map(companions.map(({ name }) => [name, 0]));
    const over = new AbortController();
    const watching = Promise.withResolvers<void>();
    const reading = this.#read(sensor, companions, {
      signal: over.signal,
      onWatching: watching.resolve,
    }).finally(() => {
      watching.resolve();
      over.abort();
    });
    // It is awaited below; until then an error may come first.
    reading.catch(() => undefined);
    await watching.promise;
    try {
      for (const { text } of companions) await sensor.addPolicy(text);
      if (this.#hasBegun) this.#endGap();
      else this.#begin();
      const lasting = AbortSignal.any([signal, over.signal]);
      do {
        await sleep(this.#options.checkpointMs, undefined, { signal: lasting }).catch(() => {});
        if (over.signal.aborted) break;
        await this.#settle(sensor, companions);
        if (!signal.aborted) await this.#write();
      } while (!lasting.aborted);
    } finally {
      // A sensor that went away has them still: they are removed when it is back.
      if (!over.signal.aborted) await this.#removeOwn(sensor);
      over.abort();
      this.#past.push(...this.#present);
      this.#present = [];
    }
    await reading;
  }

  async #read(
    sensor: RecordedSensor,
    companions: readonly Companion[],
    options: Parameters<SensorClient["events"]>[1],
  ): Promise<void> {
    const request = { allow_list: [{ policy_names: companions.map(({ name }) => name) }] };
    for await (const event of sensor.events(request, options)) this.#take(event);
    if (!options.signal.aborted)
      throw new GanderError("client-no-sensor", "The sensor ended the stream", { retryable: true });
  }

  #take(event: object): void {
    const call = recordedCall(event as Record<string, unknown>, this.#hooks, this.#needed);
    if (call === undefined) return;
    const name = policyNameOf(event);
    this.#received.set(name, (this.#received.get(name) ?? 0) + 1);
    if ("node_name" in event && typeof event.node_name === "string") this.#node = event.node_name;
    if (this.#options.wants(call.process)) this.#calls.add(call);
  }

  /** Waits until what the kernel has counted by now has arrived; what has not is lost. */
  async #settle(sensor: RecordedSensor, companions: readonly Companion[]): Promise<void> {
    const now = new Date().toISOString();
    const listed = await sensor.listPolicies();
    const counters = companions.map(
      ({ name }) => listed.find((one) => one.name === name)?.stats?.action_counters,
    );
    const missing = () =>
      companions.map(({ name }, i) => {
        const posted = Number(counters[i]?.post ?? 0);
        return Math.max(0, posted - (this.#received.get(name) ?? 0));
      });
    const until = Date.now() + this.#options.settleMs;
    while (missing().some((count) => count > 0) && Date.now() < until) await sleep(pollMs);
    const underway = missing();
    this.#present = companions.flatMap((_, i) => {
      const policy = this.#options.policies[i]?.compiled.name ?? "";
      return lossesOf(counters[i], underway[i] ?? 0).map((loss) => ({ ...loss, policy }));
    });
    this.#to = now;
  }

  #begin(): void {
    this.#from = new Date().toISOString();
    this.#to = this.#from;
    this.#hasBegun = true;
    this.#options.note("Recording; stop it with Ctrl-C.");
  }

  #endGap(): void {
    const to = new Date().toISOString();
    this.#past.push({ why: "gap", from: this.#to, to });
    this.#options.note(`The sensor was restarted: calls from ${this.#to} to ${to} may be missing.`);
    this.#to = to;
  }

  async #removeOwn(sensor: RecordedSensor): Promise<void> {
    const own = `${companionPrefix}${this.#options.id}-`;
    for (const { name = "", namespace = "", domain = "" } of await sensor.listPolicies("grpc"))
      if (name.startsWith(own)) await sensor.deletePolicy({ name, namespace, domain });
  }

  async #write(): Promise<RecordingSummary> {
    const calls = this.#calls;
    const { withoutRoom, total, size } = calls;
    const full: readonly Loss[] = withoutRoom === 0 ? [] : [{ why: "full", calls: withoutRoom }];
    const losses = summed([...full, ...this.#past, ...this.#present]);
    const summary = { to: this.#to, calls: total, lines: size, losses };
    const { namespaces, pods, output } = this.#options;
    const header = {
      ...({ recording: "gander", version: recordingVersion, node: this.#node } as const),
      ...{ from: this.#from, hooks: this.#hooks, namespaces, pods, facts: [...this.#needed] },
    };
    await writeRecording(output, { header, lines: calls.lines(), summary });
    return summary;
  }
}

type Counters = TracingPolicyActionCounters | undefined;

/** Calls that the kernel counted, of which no event arrived. */
function lossesOf(counters: Counters, underway: number): readonly Loss[] {
  if (counters === undefined) return [{ why: "gap" }];
  const sum = (...names: readonly (keyof TracingPolicyActionCounters)[]) =>
    names.reduce((all, name) => all + Number(counters[name] ?? 0), 0);
  const found: readonly Loss[] = [
    { why: "lost", calls: underway + sum("lost_ring_full", "lost_memory") },
    { why: "suppressed", calls: sum("suppressed_rate_limit", "suppressed_budget") },
    { why: "missed", calls: sum("missed") },
    { why: "unevaluated", calls: sum("unevaluated") },
  ];
  return found.filter(({ calls }) => calls !== 0);
}

/** Many restarts, few lines. */
function summed(losses: readonly Loss[]): readonly Loss[] {
  const sums = new Map<string, Loss>();
  for (const loss of losses) {
    const { why, calls, policy, from } = loss;
    const key = JSON.stringify([why, policy, from]);
    const before = sums.get(key)?.calls;
    const all = calls === undefined || before === undefined ? calls : calls + before;
    sums.set(key, { ...loss, ...(all !== undefined && { calls: all }) });
  }
  return [...sums.values()];
}

function policyNameOf(event: object): string {
  for (const body of Object.values(event))
    if (typeof body === "object" && body !== null && "policy_name" in body)
      return String(body.policy_name);
  return "";
}
