// SPDX-License-Identifier: Apache-2.0

/** One measured value. */
export type Figure = {
  /** Stable, for comparing runs: `file.number.100.fentry`. */
  readonly id: string;
  /** For people. */
  readonly what: string;
  readonly unit: Unit;
  /** The median of the samples. */
  readonly value: number;
  /** In the order of measurement. */
  readonly samples: readonly number[];
  /** The limit that it must not exceed. */
  readonly bar?: number;
};

/** Instructions of the guest: the kernel's, and with "CPU" also those of user space. */
export type Unit = "instructions" | "bytes" | "ns" | "events" | "per second";

export type FigureOptions = Pick<Figure, "id" | "what" | "unit"> & {
  readonly bar?: number | undefined;
};

/** @throws Error if a sample is not a number: then the measurement failed. */
export function figure({ bar, ...rest }: FigureOptions, samples: readonly number[]): Figure {
  if (samples.length === 0 || !samples.every(Number.isFinite))
    throw new Error(`Cannot measure ${rest.id}: its samples are [${samples.join(", ")}]`);
  const value = median(samples);
  return { ...rest, value, samples, ...(bar === undefined ? {} : { bar }) };
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export function isMet({ value, bar }: Figure): boolean | undefined {
  return bar === undefined ? undefined : value <= bar;
}
