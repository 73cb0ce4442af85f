// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GanderError } from "@gander/base";
import { checkPolicy } from "@gander/policy";
import { type RecordingSummary, readRecording } from "@gander/policy-test/recording";
import type { TracingPolicyActionCounters } from "@gander/proto";
import { describe, expect, test } from "vitest";
import { eventOf, policyWith } from "../../../policy-test/test/recordings.ts";
import type { EventJson } from "../events/event-json.ts";
import { type RecordedSensor, Recorder, type RecorderOptions } from "./recorder.ts";

const folder = mkdtempSync(join(tmpdir(), "recorder-"));
const gone = () => new GanderError("client-no-sensor", "it went away", { retryable: true });

/** A sensor as a recorder sees it: what it posts is what a test says. */
class TestSensor implements RecordedSensor {
  /** By name of the companion. */
  readonly policies = new Map<string, TracingPolicyActionCounters & { posted: number }>();
  readonly added: string[] = [];
  #queue: EventJson[] = [];
  #wake = Promise.withResolvers<void>();
  #isGone = false;

  async *events(
    _: unknown,
    { signal, onWatching = () => {} }: Parameters<RecordedSensor["events"]>[1],
  ): AsyncIterable<EventJson> {
    onWatching();
    signal.addEventListener("abort", () => this.#wake.resolve(), { once: true });
    while (!signal.aborted) {
      for (const event of this.#queue.splice(0)) yield event;
      if (this.#isGone) throw gone();
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }

  async listPolicies() {
    if (this.#isGone) throw gone();
    return [...this.policies].map(([name, { posted, ...counters }]) => {
      const action_counters = { post: String(posted), ...counters };
      return { name, domain: "grpc", stats: { action_counters } };
    });
  }

  async addPolicy(text: string) {
    const { value } = checkPolicy(text, { file: "" });
    const name = value?.[0]?.compiled.name ?? "";
    this.added.push(name);
    this.policies.set(name, { posted: 0 });
  }

  async deletePolicy({ name }: { readonly name: string }) {
    this.policies.delete(name);
  }

  /** A call that the companion posts; `lost`: no event arrives. */
  call(path: string, way: "arrives" | "lost" = "arrives"): void {
    const [name = "", counters] = [...this.policies][0] ?? [];
    if (counters) counters.posted++;
    if (way === "lost") return;
    const args = [{ file_arg: { path } }];
    const process = { binary: "/a", pod: { namespace: path.slice(1), name: "p" } };
    this.#queue.push(eventOf({ args, process, more: { policy_name: name } }) as EventJson);
    this.#wake.resolve();
  }

  count(counters: TracingPolicyActionCounters): void {
    for (const one of this.policies.values()) Object.assign(one, counters);
  }

  stop(): void {
    this.#isGone = true;
    this.#wake.resolve();
  }
}

const policy = policyWith({
  ...{ call: "security_file_open", syscall: false, args: [{ index: 0, type: "file" }] },
  selectors: [{ matchArgs: [{ index: 0, operator: "Prefix", values: ["/etc"] }] }],
});

async function record(
  act: (sensors: readonly TestSensor[]) => Promise<void> | void,
  more: Partial<RecorderOptions> = {},
) {
  const sensors = [new TestSensor(), new TestSensor()];
  const said: string[] = [];
  const { output = join(folder, "a.rec") } = more;
  const recorder = new Recorder({
    ...{ policies: [policy], output, namespaces: [], pods: [], wants: () => true },
    ...{ maxCalls: 100, maxChars: 10_000, withoutPids: async () => [1], id: "test" },
    ...{ checkpointMs: 60_000, settleMs: 300, note: (text) => void said.push(text) },
    ...more,
  });
  const stop = new AbortController();
  let session = 0;
  const done = recorder.run((use) => use(sensors[session++] as TestSensor), stop.signal);
  const begun = async () => {
    while (said.length === 0) await sleep(5);
  };
  await Promise.race([begun(), done]);
  await act(sensors);
  stop.abort();
  const summary = await done;
  expect((await readRecording(output, { call: () => {} })).summary).toEqual(summary);
  return { summary, sensors, said };
}

const lossesOf = ({ losses }: RecordingSummary) =>
  losses.map(({ why, calls }) => (calls === undefined ? why : `${calls} ${why}`));

describe("a recorder", () => {
  test("has every call that its companion has posted, and leaves no companion", async () => {
    const { summary, sensors } = await record(([sensor]) => {
      for (const path of ["/a", "/b", "/a"]) sensor?.call(path);
    });
    expect(summary).toMatchObject({ calls: 3, lines: 2, losses: [] });
    expect(sensors[0]?.added).toEqual(["gander-record-test-0-0"]);
    expect(sensors[0]?.policies.size).toBe(0);
  });

  test.each<[TracingPolicyActionCounters, string]>([
    [{ lost_ring_full: "3", lost_memory: "1" }, "4 lost"],
    [{ suppressed_budget: "2" }, "2 suppressed"],
    [{ suppressed_rate_limit: "2" }, "2 suppressed"],
    [{ missed: "5" }, "5 missed"],
    [{ unevaluated: "6" }, "6 unevaluated"],
  ])("says what the kernel counts as lost: %j", async (counters, loss) => {
    const { summary } = await record(([sensor]) => sensor?.count(counters));
    expect(lossesOf(summary)).toEqual([loss]);
  });

  test("says how many calls were posted and did not arrive", async () => {
    const { summary } = await record(([sensor]) => {
      sensor?.call("/a");
      for (let i = 0; i < 7; i++) sensor?.call("/b", "lost");
    });
    expect(summary.calls).toBe(1);
    expect(lossesOf(summary)).toEqual(["7 lost"]);
  });

  test("waits for events that are under way", async () => {
    const { summary } = await record(([sensor]) => {
      sensor?.call("/a", "lost");
      setTimeout(() => {
        sensor?.call("/a");
        // It was posted before.
        const [counters] = [...(sensor?.policies.values() ?? [])];
        if (counters) counters.posted--;
      }, 100);
    });
    expect(summary).toMatchObject({ calls: 1, losses: [] });
  });

  test("goes on with the next sensor, which is a gap; earlier losses stay", async () => {
    const { summary, sensors, said } = await record(
      async ([first, second]) => {
        first?.call("/a");
        first?.count({ missed: "2" });
        await sleep(150);
        first?.stop();
        while (second?.added.length === 0) await sleep(5);
        await sleep(20);
        second?.call("/a");
      },
      { checkpointMs: 50 },
    );
    expect(summary.calls).toBe(2);
    expect(lossesOf(summary)).toEqual(["2 missed", "gap"]);
    expect(said[1]).toMatch(/The sensor was restarted: calls from .* may be missing/);
    expect(sensors[1]?.added).toEqual(["gander-record-test-1-0"]);
  });

  test("writes what it has while it runs", async () => {
    const output = join(folder, "early.rec");
    const early = async ([sensor]: readonly TestSensor[]) => {
      sensor?.call("/a");
      while (!existsSync(output)) await sleep(5);
      const { summary } = await readRecording(output, { call: () => {} });
      expect(summary).toMatchObject({ calls: 1, losses: [] });
    };
    await record(early, { checkpointMs: 30, output });
  });

  test("counts calls that have no room", async () => {
    const { summary } = await record(
      ([sensor]) => {
        for (const path of ["/a", "/b", "/c", "/a"]) sensor?.call(path);
      },
      { maxCalls: 2 },
    );
    expect(summary.calls).toBe(3);
    expect(lossesOf(summary)).toEqual(["1 full"]);
  });

  test("keeps only what is asked for, and misses nothing by that", async () => {
    const { summary } = await record(
      ([sensor]) => {
        for (const path of ["/a", "/b"]) sensor?.call(path);
      },
      { wants: ({ pod }) => pod?.namespace === "b" },
    );
    expect(summary).toMatchObject({ calls: 1, losses: [] });
  });

  test("ends if it can't begin, and removes what it has added", async () => {
    const sensor = new TestSensor();
    const refusing = Object.assign(sensor, {
      async addPolicy() {
        throw new GanderError("client-refused", "no such hook");
      },
    });
    const options = {
      policies: [policy],
      output: join(folder, "none.rec"),
      namespaces: [],
      pods: [],
    };
    const recorder = new Recorder({
      ...{
        ...options,
        wants: () => true,
        maxCalls: 1,
        maxChars: 1000,
        withoutPids: async () => [],
      },
      ...{ id: "x", checkpointMs: 50, settleMs: 50, note: () => {} },
    });
    const run = recorder.run((use) => use(refusing), new AbortController().signal);
    await expect(run).rejects.toThrow("no such hook");
    expect(sensor.policies.size).toBe(0);
    expect(existsSync(options.output)).toBe(false);
  });
});
