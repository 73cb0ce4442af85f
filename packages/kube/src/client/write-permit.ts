// SPDX-License-Identifier: Apache-2.0

/**
 * The right to write, for as long as a Lease is held. Each write takes a ticket from it right before
 * its bytes go out, and is cut off when `signal` aborts; so nothing is sent once it is lost.
 */
export type WritePermit = {
  /** Aborts when the right ends. */
  readonly signal: AbortSignal;
  /** Counts the holders of the Lease up: a later holder's is larger. */
  readonly term: number;
  /** Throws `kube-not-leader` if the right has ended, by the clock and not only by a timer. */
  enter(): WriteTicket;
};

/** Held while a write is under way: a clean hand-over waits for all of them. */
export type WriteTicket = { release(): void };

/**
 * For writes that no Lease guards: reviews (TokenReview), the Lease itself, and what a person's
 * command asks for.
 */
export const unfenced: WritePermit = {
  signal: new AbortController().signal,
  term: 0,
  enter: () => ({ release() {} }),
};
