// SPDX-License-Identifier: Apache-2.0
import { type Figure, figure, type Unit } from "./figure.ts";

export type SampleOptions = {
  readonly what: string;
  readonly unit: Unit;
  readonly bar?: number;
};

/** Collects samples round by round. */
export class Samples {
  readonly #figures = new Map<string, { options: SampleOptions; samples: number[] }>();

  add(id: string, value: number, options: SampleOptions): void {
    const entry = this.#figures.get(id) ?? { options, samples: [] };
    entry.samples.push(value);
    this.#figures.set(id, entry);
  }

  figures(): Figure[] {
    return [...this.#figures].map(([id, { options, samples }]) =>
      figure({ id, ...options }, samples),
    );
  }
}
