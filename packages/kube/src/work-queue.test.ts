// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { KubeError } from "./client/kube-error.ts";
import { type Failure, type Handler, WorkQueue, type WorkQueueOptions } from "./work-queue.ts";

async function running(
  handle: Handler,
  options: WorkQueueOptions,
  test: (queue: WorkQueue, stop: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const queue = new WorkQueue(handle, { backOffBaseMs: 2, backOffMaxMs: 20, ...options });
  const controller = new AbortController();
  const run = queue.run({ signal: controller.signal });
  const stop = () => {
    controller.abort();
    return run;
  };
  try {
    await test(queue, stop);
  } finally {
    await stop();
  }
}

const soon = () => AbortSignal.timeout(10_000);
const drained = async (queue: WorkQueue) =>
  expect(await queue.drain({ signal: soon() })).toBe(true);

describe("a work queue", () => {
  it("handles a burst of changes to one key once, in the order of the first ones", async () => {
    const handled: string[] = [];
    const handle = async (key: string) => void handled.push(key);
    await running(handle, { concurrency: 1 }, async (queue) => {
      for (const key of ["a", "b", "a", "c", "a", "b"]) queue.add(key);
      await drained(queue);
      expect(handled).toEqual(["a", "b", "c"]);
      expect(queue.counters()).toMatchObject({ added: 6, merged: 3, handled: 3, queued: 0 });
    });
  });

  it("handles a key once more, after the first time, when it changes meanwhile", async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let active = 0;
    let most = 0;
    let started = 0;
    const handle = async () => {
      most = Math.max(most, ++active);
      await gates[started++]?.promise;
      active--;
    };
    await running(handle, { concurrency: 8 }, async (queue) => {
      queue.add("a");
      await vi.waitFor(() => expect(started).toBe(1));
      for (let n = 0; n < 3; n++) queue.add("a");
      await delay(5);
      expect(started).toBe(1);
      gates[0]?.resolve();
      await vi.waitFor(() => expect(started).toBe(2));
      gates[1]?.resolve();
      await drained(queue);
      expect([started, most]).toEqual([2, 1]);
    });
  });

  it("tries a key again, later and later, and starts anew after a success", async () => {
    const failures: Failure[] = [];
    const seen: number[] = [];
    const handle: Handler = async (_, context) => {
      seen.push(context.failures);
      if (seen.length % 4 !== 0) throw new Error("not yet");
    };
    const options = {
      backOffBaseMs: 4,
      backOffMaxMs: 10,
      random: () => 0,
      onFailure: (failure: Failure) => void failures.push(failure),
    };
    await running(handle, options, async (queue) => {
      queue.add("a");
      await vi.waitFor(() => expect(queue.counters().handled).toBe(1));
      queue.add("a");
      await vi.waitFor(() => expect(queue.counters().handled).toBe(2));
      expect(seen).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
      expect(failures.slice(0, 3).map(({ delayMs }) => delayMs)).toEqual([2, 4, 5]);
      expect(queue.counters()).toMatchObject({ failed: 6, delayed: 0 });
    });
  });

  it("waits at least as long as a server asks", async () => {
    const failures: Failure[] = [];
    const handle = async () => {
      throw new KubeError("kube-throttled", "slow down", { retryAfterMs: 60_000 });
    };
    await running(handle, { onFailure: (failure) => failures.push(failure) }, async (queue) => {
      queue.add("a");
      await vi.waitFor(() => expect(failures).toHaveLength(1));
      expect(failures[0]?.delayMs).toBe(60_000);
      expect(queue.counters().delayed).toBe(1);
      queue.forget("a");
      expect(queue.counters().delayed).toBe(0);
    });
  });

  it("adds later what is asked for later, at the earliest of several times", async () => {
    const handled: number[] = [];
    const handle = async () => void handled.push(performance.now());
    await running(handle, {}, async (queue) => {
      const startedMs = performance.now();
      queue.addAfter("a", 5_000);
      queue.addAfter("a", 40);
      queue.addAfter("a", 6_000);
      await vi.waitFor(() => expect(handled).toHaveLength(1), 4_000);
      expect((handled[0] ?? 0) - startedMs).toBeGreaterThanOrEqual(35);
      expect(queue.counters().delayed).toBe(0);
    });
  });

  it("calls again when a handler asks for it", async () => {
    let calls = 0;
    const handle = async () => (++calls < 3 ? { againAfterMs: 1 } : undefined);
    await running(handle, {}, async (queue) => {
      queue.add("a");
      await vi.waitFor(() => expect(calls).toBe(3));
    });
  });

  it("stops: handlers are told and waited for, the rest is kept for the next run", async () => {
    const handled: string[] = [];
    const handle: Handler = async (key, { signal }) => {
      await delay(5_000, undefined, { signal });
      handled.push(key);
    };
    await running(handle, { concurrency: 1 }, async (queue, stop) => {
      queue.add("a");
      queue.add("b");
      queue.addAfter("c", 60_000);
      await vi.waitFor(() => expect(queue.counters().running).toBe(1));
      await stop();
      expect(handled).toEqual([]);
      expect(queue.counters()).toMatchObject({ running: 0, queued: 3, delayed: 0, failed: 0 });
    });
  });

  it("gives up draining when its time is over", async () => {
    const handle: Handler = async (_, { signal }) => delay(60_000, undefined, { signal });
    await running(handle, {}, async (queue) => {
      queue.add("a");
      expect(await queue.drain({ signal: AbortSignal.timeout(20) })).toBe(false);
    });
  });

  it("lets others have their turn while it works through many keys", async () => {
    const count = 50_000;
    await running(
      async () => {},
      {},
      async (queue) => {
        let turns = 0;
        const timer = setInterval(() => turns++, 1);
        for (let n = 0; n < count; n++) queue.add(`key-${n}`);
        await drained(queue);
        clearInterval(timer);
        expect(queue.counters().handled).toBe(count);
        expect(turns).toBeGreaterThan(3);
      },
    );
  });
});

describe("whatever is added and however handlers fail", () => {
  const key = fc.constantFrom("a", "b", "c", "d");
  const step = fc.oneof(
    fc.record({ change: key }),
    fc.record({ later: key, ms: fc.nat(5) }),
    fc.record({ failNext: key, times: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ pauseMs: fc.nat(3) }),
  );

  it("each key's last change is handled, never two at a time, never too many at once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, concurrency) => {
          const wanted = new Map<string, number>();
          const done = new Map<string, number>();
          const toFail = new Map<string, number>();
          const active = new Set<string>();
          const violations: string[] = [];
          const handle = async (one: string) => {
            // Kept aside: what a handler throws is only a reason to call it again.
            if (active.has(one)) violations.push(`two of ${one}`);
            active.add(one);
            if (active.size > concurrency) violations.push(`${active.size} at once`);
            const version = wanted.get(one) ?? 0;
            await delay(version % 3);
            active.delete(one);
            const left = toFail.get(one) ?? 0;
            toFail.set(one, left - 1);
            if (left > 0) throw new Error("again");
            done.set(one, version);
          };
          await running(handle, { concurrency }, async (queue) => {
            for (const one of steps) {
              if ("failNext" in one) toFail.set(one.failNext, one.times);
              if ("pauseMs" in one) await delay(one.pauseMs);
              const changed = "change" in one ? one.change : "later" in one ? one.later : undefined;
              if (changed === undefined) continue;
              wanted.set(changed, (wanted.get(changed) ?? 0) + 1);
              if ("later" in one) queue.addAfter(one.later, one.ms);
              else queue.add(changed);
            }
            await vi.waitFor(() => {
              expect(queue.counters()).toMatchObject({ queued: 0, running: 0, delayed: 0 });
              expect(done).toEqual(wanted);
            }, 5_000);
            expect(violations).toEqual([]);
          });
        },
      ),
      { numRuns: 50 },
    );
  }, 60_000);
});
