// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync } from "node:fs";

/**
 * Realtime minus CLOCK_BOOTTIME in nanoseconds. Node cannot read that clock, but the kernel's timer list
 * shows how far each clock is from the monotonic one, to the nanosecond. If the list can't be read, the
 * offset is measured, in up to 50 ms and to about a millisecond.
 */
export function readBootTimeOffsetNs(): bigint {
  return timerListOffsetNs(readTimerList()) ?? measuredOffsetNs();
}

/** From /proc/timer_list; undefined if it does not contain both clocks. */
export function timerListOffsetNs(list: string): bigint | undefined {
  const offsetOf = (clock: string) => {
    const pattern = new RegExp(`\\.get_time: +${clock}\\n +\\.offset: +(\\d+) nsecs`);
    const [, offset] = pattern.exec(list) ?? [];
    return offset === undefined ? undefined : BigInt(offset);
  };
  const real = offsetOf("ktime_get_real");
  const boot = offsetOf("ktime_get_boottime");
  return real === undefined || boot === undefined ? undefined : real - boot;
}

function readTimerList(): string {
  try {
    const file = openSync("/proc/timer_list", "r");
    try {
      // The first CPU's clocks come before its timers' statistics and those of other CPUs.
      const bytes = Buffer.alloc(256 * 1024);
      let length = 0;
      for (let read = -1; read !== 0 && length < bytes.length; length += read)
        read = readSync(file, bytes, length, bytes.length - length, null);
      return bytes.toString("latin1", 0, length);
    } finally {
      closeSync(file);
    }
  } catch {
    return "";
  }
}

/**
 * /proc/uptime counts CLOCK_BOOTTIME in hundredths of a second: the moment of each step is exact. Of several
 * steps, the one seen in the shortest time is used.
 */
function measuredOffsetNs(): bigint {
  const file = openSync("/proc/uptime", "r");
  try {
    let best = { tookNs: 1n << 62n, offsetNs: 0n };
    for (let step = 0; step < 5; step++) {
      const seen = waitForStep(file);
      if (seen.tookNs < best.tookNs) best = seen;
    }
    return best.offsetNs;
  } finally {
    closeSync(file);
  }
}

function waitForStep(file: number): { tookNs: bigint; offsetNs: bigint } {
  const first = readHundredths(file);
  for (;;) {
    const before = realtimeNs();
    const now = readHundredths(file);
    const after = realtimeNs();
    if (now !== first)
      return { tookNs: after - before, offsetNs: (before + after) / 2n - now * 10_000_000n };
  }
}

const buffer = Buffer.alloc(64);

function readHundredths(file: number): bigint {
  const length = readSync(file, buffer, 0, buffer.length, 0);
  const [seconds = "0", rest = "0"] = buffer.toString("latin1", 0, buffer.indexOf(" ")).split(".");
  if (length === 0) throw new Error("/proc/uptime is empty");
  return BigInt(seconds) * 100n + BigInt(rest);
}

function realtimeNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}
