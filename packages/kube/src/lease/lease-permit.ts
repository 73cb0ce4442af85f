// SPDX-License-Identifier: Apache-2.0
import { KubeError } from "../client/kube-error.ts";
import type { WritePermit } from "../client/write-permit.ts";
import type { MonotonicClock } from "../clock/monotonic-clock.ts";

/** The permission to write for one term, as its issuer sees it. */
export type LeasePermit = {
  readonly permit: WritePermit;
  /** Extends it until then, on `clock`. A permit that has ended remains so. */
  extend(deadlineMs: number): void;
  /** No new writes; those in progress may finish. */
  close(): void;
  /** Ends it now: writes in progress are aborted. */
  revoke(why: string): void;
  /** Whether it is still valid, by the clock. */
  holds(): boolean;
  /** Resolves when no write is in progress. */
  whenIdle(): Promise<void>;
};

type LeasePermitOptions = {
  readonly term: number;
  readonly deadlineMs: number;
  readonly clock: MonotonicClock;
  readonly onEnd: (why: string) => void;
};

/**
 * A permit that ends by itself at its deadline. The timer is a convenience; each `enter` checks the clock,
 * so that a process that was stopped or blocked beyond the deadline sends nothing more.
 */
export function createLeasePermit(options: LeasePermitOptions): LeasePermit {
  const { term, clock, onEnd } = options;
  const controller = new AbortController();
  let { deadlineMs } = options;
  let isClosed = false;
  let writes = 0;
  let idle: PromiseWithResolvers<void> | undefined;
  let timer = setTimeout(expire, deadlineMs - clock());

  function expire(): void {
    const leftMs = deadlineMs - clock();
    if (leftMs <= 0) revoke("it could not be renewed in time");
    else timer = setTimeout(expire, leftMs);
  }

  function revoke(why: string): void {
    clearTimeout(timer);
    if (controller.signal.aborted) return;
    controller.abort(notLeader(why));
    onEnd(why);
  }

  function holds(): boolean {
    if (!controller.signal.aborted && clock() >= deadlineMs) {
      revoke("it could not be renewed in time");
    }
    return !controller.signal.aborted;
  }

  return {
    permit: {
      signal: controller.signal,
      term,
      enter() {
        if (!holds()) throw controller.signal.reason;
        if (isClosed) throw notLeader("it is being given up");
        writes++;
        let released = false;
        return {
          release() {
            if (released) return;
            released = true;
            if (--writes === 0) idle?.resolve();
          },
        };
      },
    },
    extend(newDeadlineMs) {
      if (holds()) deadlineMs = Math.max(deadlineMs, newDeadlineMs);
    },
    close() {
      isClosed = true;
    },
    revoke,
    holds,
    async whenIdle() {
      if (writes === 0) return;
      idle ??= Promise.withResolvers();
      await idle.promise;
    },
  };
}

function notLeader(why: string): KubeError {
  return new KubeError("kube-not-leader", `Cannot write: the Lease is not held any more, ${why}`, {
    retryable: true,
  });
}
