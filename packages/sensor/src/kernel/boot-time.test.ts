// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { readBootTimeOffsetNs, timerListOffsetNs } from "./boot-time.ts";

const clock = (name: string, offset: string) => ` clock 1:
  .base:       000000001efa1c7a
  .index:      1
  .resolution: 1 nsecs
  .get_time:   ${name}
  .offset:     ${offset} nsecs
active timers:
 #0: <000000006768f3c4>, hrtimer_wakeup, S:01
`;

describe("offset of the wall clock", () => {
  it("is read to the nanosecond", () => {
    const list = `Timer List Version: v0.10\n${clock("ktime_get", "0")}${clock("ktime_get_real", "1795166197588745346")}${clock("ktime_get_boottime", "5000000001")}`;
    expect(timerListOffsetNs(list)).toBe(1_795_166_192_588_745_345n);
  });

  it("is not guessed from a list without the clocks", () => {
    expect(timerListOffsetNs("")).toBeUndefined();
    expect(timerListOffsetNs(clock("ktime_get_real", "1"))).toBeUndefined();
  });

  it("is about what the clock says", () => {
    const now = BigInt(Date.now()) * 1_000_000n;
    const uptime = now - readBootTimeOffsetNs();
    expect(uptime).toBeGreaterThan(0n);
    expect(uptime).toBeLessThan(10n * 365n * 86_400n * 1_000_000_000n);
  });
});
