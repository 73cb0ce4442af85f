// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from "vitest";
import { createLeasePermit } from "./lease-permit.ts";

function permitUntil(deadlineMs: number) {
  const clock = { ms: 0 };
  const ends: string[] = [];
  const lease = createLeasePermit({
    term: 7,
    deadlineMs,
    clock: () => clock.ms,
    onEnd: (why) => ends.push(why),
  });
  return { lease, clock, ends };
}

describe("a permit", () => {
  it("ends at its deadline by the clock, before any timer has run", () => {
    const { lease, clock, ends } = permitUntil(10_000);
    lease.permit.enter().release();
    clock.ms = 9_999;
    lease.permit.enter().release();
    // As if the process had been blocked or asleep.
    clock.ms = 10_000;
    expect(() => lease.permit.enter()).toThrow("Cannot write: the Lease is not held any more");
    expect(lease.permit.signal.aborted).toBe(true);
    expect(ends).toHaveLength(1);
  });

  it("cannot be prolonged after its end, though nobody had noticed that yet", () => {
    const { lease, clock } = permitUntil(10_000);
    clock.ms = 10_001;
    lease.extend(20_000);
    expect(lease.holds()).toBe(false);
    expect(() => lease.permit.enter()).toThrow();
  });

  it("is never shortened", () => {
    const { lease, clock } = permitUntil(10_000);
    lease.extend(5_000);
    clock.ms = 9_000;
    expect(lease.holds()).toBe(true);
    lease.revoke("test");
  });

  it("ends by its timer when nobody writes", async () => {
    const startedMs = performance.now();
    const lease = createLeasePermit({
      term: 1,
      deadlineMs: 30,
      clock: () => performance.now() - startedMs,
      onEnd: () => {},
    });
    await vi.waitFor(() => expect(lease.permit.signal.aborted).toBe(true));
  });

  it("lets writes end when it is closed, and takes no new ones", async () => {
    const { lease } = permitUntil(10_000);
    const ticket = lease.permit.enter();
    lease.close();
    expect(() => lease.permit.enter()).toThrow("it is being given up");
    let isIdle = false;
    const idle = lease.whenIdle().then(() => {
      isIdle = true;
    });
    await Promise.resolve();
    expect(isIdle).toBe(false);
    ticket.release();
    ticket.release();
    await idle;
    lease.revoke("test");
  });
});
