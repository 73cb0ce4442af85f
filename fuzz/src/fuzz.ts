// SPDX-License-Identifier: Apache-2.0
import { cpuMs } from "./cpu-ms.ts";
import { createRandom, mutate } from "./mutate.ts";
import type { Target } from "./target.ts";

export type FuzzOptions = {
  readonly seed: number;
  readonly forMs: number;
  /** Called before each run: the input may be the one that does not return. */
  readonly onInput?: (input: Buffer) => void;
};

export type Finding = { readonly input: Buffer; readonly what: string };

export type FuzzResult = {
  readonly runs: number;
  /** Number of kinds of outcome so far. */
  readonly outcomes: number;
  readonly finding: Finding | undefined;
};

/** For any 16 KiB; a slower input takes more than linear time. */
const slowMs = 3000;

const maxCorpus = 2000;

/** Runs a target on mutations of its seeds until the time is over or there is a finding. */
export function fuzz(target: Target, { seed, forMs, onInput }: FuzzOptions): FuzzResult {
  const random = createRandom(seed);
  const corpus = [...target.seeds()];
  const words = target.words.map((word) => Buffer.from(word));
  const outcomes = new Set<string>();
  const any = () => corpus[random(corpus.length)] ?? Buffer.alloc(0);
  const end = performance.now() + forMs;
  let runs = 0;
  for (; runs === 0 || performance.now() < end; runs++) {
    const input = mutate(any(), random, { other: any(), words });
    onInput?.(input);
    const before = outcomes.size;
    const what = problemOf(target, input, outcomes);
    if (what !== undefined) return { runs, outcomes: before, finding: { input, what } };
    if (outcomes.size > before && corpus.length < maxCorpus) corpus.push(input);
  }
  return { runs, outcomes: outcomes.size, finding: undefined };
}

function problemOf(target: Target, input: Buffer, outcomes: Set<string>): string | undefined {
  try {
    const tookMs = cpuMs(() => void outcomes.add(target.run(input)));
    // A single slow run may be garbage collection of earlier runs.
    if (tookMs > slowMs && cpuMs(() => void target.run(input)) > slowMs)
      return `took ${Math.round(tookMs)} ms`;
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
