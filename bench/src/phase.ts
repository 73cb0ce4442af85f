// SPDX-License-Identifier: Apache-2.0
import type { Figure } from "./figure.ts";
import type { Extent } from "./load.ts";

/** Something to measure. It leaves nothing in the kernel, even when it throws. */
export type Phase = {
  readonly name: string;
  readonly title: string;
  measure(options: PhaseOptions): Promise<Figure[]>;
};

export type PhaseOptions = {
  /** How often everything is measured, in turn. */
  readonly rounds: number;
  /** Multiplies the amount of work: 1, or less for a test of the phase. */
  readonly scale: number;
  /** Reports progress. */
  readonly log: (text: string) => void;
};

/** `of` times the scale, at least `min`. */
export function scaled({ scale }: PhaseOptions, of: number, min = 1): number {
  return Math.max(min, Math.round(of * scale));
}

export function scaledExtent(options: PhaseOptions, extent: Extent): Extent {
  return { ...extent, batches: scaled(options, extent.batches) };
}
