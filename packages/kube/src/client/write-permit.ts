// SPDX-License-Identifier: Apache-2.0

/**
 * The permission to write while a Lease is held. Each write takes a ticket right before its bytes are
 * sent, and is aborted when `signal` aborts; so nothing is sent after the Lease is lost.
 */
export type WritePermit = {
  /** Aborts when the permission ends. */
  readonly signal: AbortSignal;
  /** Increases with each holder of the Lease. */
  readonly term: number;
  /** Throws `kube-not-leader` if the permission has ended, by the clock and not only by a timer. */
  enter(): WriteTicket;
};

/** Held while a write is in progress: a clean hand-over waits for all of them. */
type WriteTicket = { release(): void };

/** For writes that no Lease guards: reviews (TokenReview), the Lease itself, a person's commands. */
export const unfenced: WritePermit = {
  signal: new AbortController().signal,
  term: 0,
  enter: () => ({ release() {} }),
};
