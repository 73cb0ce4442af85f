// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { buildHash, buildHook, pathArg } from "../../test/record-builder.ts";
import { createTestSensor } from "../../test/test-sensor.ts";
import { action, hashResult, valueType } from "../link/abi.gen.ts";
import type { EventRule } from "./event-rule.ts";

const rule: EventRule = {
  ...{ id: 7, policyName: "p", policyNamespace: "", functionName: "bprm_check_security" },
  ...{ message: "", tags: ["own"], args: [{ type: "linux_binprm", label: "" }] },
  eventKind: "process_lsm",
};
const call = {
  ...{ time: 3_000n, process: { pid: 100, start: 1_000n }, parent: { pid: 1, start: 10n } },
  tid: 104,
};
const { ACTION_POST, ACTION_HASH, ACTION_DENY } = action;
const hook = (over: { time?: bigint; tid?: number; done?: number; path?: string } = {}) =>
  buildHook({
    ...call,
    ...{ rule: 7, actions: ACTION_POST | ACTION_HASH, done: ACTION_HASH },
    args: [pathArg(valueType.VALUE_BINPRM, over.path ?? "/bin/x")],
    ...over,
  });
const digest = Uint8Array.from({ length: 32 }, (_, i) => i);
const hash = (over: Partial<Parameters<typeof buildHash>[0]> = {}) =>
  buildHash({ ...call, time: 5_000n, since: 3_000n, digest, ...over });
const hex = `sha256:${Buffer.from(digest).toString("hex")}`;

type Line = { process_lsm: { ima_hash?: string; tags: string[]; args: unknown[]; action: string } };
/** The hash of each event, or why it has none. */
const shown = (lines: readonly Line[]) =>
  lines.map(
    ({ process_lsm: { ima_hash: found, tags } }) => found ?? tags.slice(1).join() ?? "nothing",
  );

function sensorAt() {
  const timer = { ms: 0 };
  return { ...createTestSensor({ rules: [rule], now: () => timer.ms }), timer };
}

describe("events that wait for the hash of a file", () => {
  it("are published with it when it arrives", () => {
    const sensor = sensorAt();
    expect(sensor.take(hook({ done: ACTION_HASH | ACTION_DENY }))).toEqual([]);
    const [event] = sensor.take(hash());
    expect(event.process_lsm).toMatchObject({
      ...{ ima_hash: hex, tags: ["own"], action: "KPROBE_ACTION_OVERRIDE" },
      args: [{ linux_binprm_arg: { path: "/bin/x" } }],
    });
    expect(sensor.source.unhashedEvents()).toBe(0);
  });

  it("keep what they have while the ring is written again", () => {
    const sensor = sensorAt();
    const [first, second] = ["/bin/first", "/bin/second"].map((path, i) => hook({ path, tid: i }));
    sensor.take(first ?? Buffer.alloc(0));
    sensor.take(second ?? Buffer.alloc(0));
    first?.fill(255);
    const events = [1, 0].flatMap((tid) => sensor.take(hash({ tid })));
    expect(events.map((event) => event.process_lsm.args[0].linux_binprm_arg.path)).toEqual([
      ...["/bin/second", "/bin/first"],
    ]);
  });

  it("of several policies get the same one, those of other threads do not", () => {
    const sensor = sensorAt();
    sensor.take(hook(), hook({ time: 3_500n }), hook({ tid: 105 }));
    expect(shown(sensor.take(hash()))).toEqual([hex, hex]);
    expect(shown(sensor.take(hash({ tid: 105, result: hashResult.HASH_TOO_LARGE })))).toEqual([
      "gander.unhashed.too-large",
    ]);
  });

  it.each([
    [hashResult.HASH_SKIPPED, "skipped"],
    [hashResult.HASH_NO_FILE, "no-file"],
    [hashResult.HASH_FILE_SYSTEM, "file-system"],
    [hashResult.HASH_NOT_READABLE, "not-readable"],
    [hashResult.HASH_FAILED, "failed"],
    [99, "failed"],
  ])("say why they have none: %i, %s", (result, why) => {
    const sensor = sensorAt();
    sensor.take(hook());
    expect(shown(sensor.take(hash({ result })))).toEqual([`gander.unhashed.${why}`]);
    expect(sensor.source.unhashedEvents()).toBe(1);
  });

  it("do not get the hash of a later call", () => {
    const sensor = sensorAt();
    sensor.take(hook(), hook({ time: 9_000n }));
    expect(shown(sensor.take(hash({ since: 8_000n })))).toEqual(["gander.unhashed.late", hex]);
  });

  it("do not wait for ever", () => {
    const sensor = sensorAt();
    sensor.take(hook());
    sensor.timer.ms = 4_999;
    sensor.source.expire();
    expect(sensor.lines).toEqual([]);
    sensor.timer.ms = 5_000;
    sensor.source.expire();
    expect(shown(sensor.lines.map((line) => JSON.parse(line)))).toEqual(["gander.unhashed.late"]);
    expect(sensor.take(hash())).toEqual([]);
  });

  it("do not take more than their room, whatever arrives", () => {
    const sensor = sensorAt();
    const path = "/x".repeat(2_000);
    const last = 2_000;
    for (let tid = 0; tid <= last; tid++) sensor.take(hook({ tid, path }));
    expect(sensor.lines.length).toBeGreaterThan(900);
    expect(sensor.source.unhashedEvents()).toBe(sensor.lines.length);
    expect(shown(sensor.take(hash({ tid: last })))).toEqual([hex]);
    sensor.source.flush();
    expect(sensor.lines).toHaveLength(last + 1);
  });

  it("are published at once if no hash follows", () => {
    const sensor = sensorAt();
    expect(shown(sensor.take(hook({ done: 0 })))).toEqual(["gander.unhashed.memory"]);
    expect(sensor.take(hash())).toEqual([]);
  });
});
