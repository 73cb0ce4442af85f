// SPDX-License-Identifier: Apache-2.0
import type { Figure } from "./figure.ts";
import type { Extent } from "./load.ts";

/** Something to measure. It leaves nothing in the kernel behind, also when it throws. */
export type Phase = {
  readonly name: string;
  readonly title: string;
  measure(options: PhaseOptions): Promise<Figure[]>;
};

export type PhaseOptions = {
  /** How often everything is measured, alternating. */
  readonly rounds: number;
  /** Multiplies what there is to do: 1, or little of it to see that it works. */
  readonly scale: number;
  /** Tells what is going on. */
  readonly log: (text: string) => void;
};

/** `of` times the scale, at least `min`. */
export function scaled({ scale }: PhaseOptions, of: number, min = 1): number {
  return Math.max(min, Math.round(of * scale));
}

export function scaledExtent(options: PhaseOptions, extent: Extent): Extent {
  return { ...extent, batches: scaled(options, extent.batches) };
}
