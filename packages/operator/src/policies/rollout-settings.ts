// SPDX-License-Identifier: Apache-2.0
import { parseDuration } from "@gander/base";

/** How many nodes get a new generation first. */
export type CanarySize = { readonly nodes: number } | { readonly fraction: number };

export type RolloutDefaults = {
  readonly strategy: "all" | "canary";
  readonly canary: CanarySize;
  /** How long the first nodes must stay ready before the rest follows. */
  readonly canaryMs: number;
};

/** A policy's settings for the rollout of its generations. */
export type RolloutSettings = RolloutDefaults & {
  /** No rollout advances. */
  readonly isPaused: boolean;
  /** The generation that goes everywhere now, whatever its first nodes report. */
  readonly promote: number | undefined;
  /** The generation to abort. */
  readonly abort: number | undefined;
  /** Problems of invalid annotations, for people; the careful choice replaces their values. */
  readonly problems: readonly string[];
};

const rolloutAnnotations = {
  strategy: "gander.dev/rollout",
  canary: "gander.dev/canary",
  canaryDuration: "gander.dev/canary-duration",
  paused: "gander.dev/paused",
  promote: "gander.dev/promote",
  abort: "gander.dev/abort",
} as const;

export const defaultRollout: RolloutDefaults = {
  strategy: "all",
  canary: { fraction: 0.1 },
  canaryMs: 5 * 60_000,
};

/** Reads a policy's annotations. Every replica reads the same from the same object. */
export function rolloutSettings(
  annotations: Readonly<Record<string, string>>,
  defaults: RolloutDefaults,
): RolloutSettings {
  const problems: string[] = [];
  const read = <T>(of: Reading<T>): T => {
    const text = Object.hasOwn(annotations, of.key) ? annotations[of.key] : undefined;
    if (text === undefined) return of.absent;
    const value = of.parse(text.trim());
    if (value !== undefined) return value;
    problems.push(`annotation ${of.key}: "${text.slice(0, 40)}" is not ${of.expected}`);
    return of.unreadable;
  };
  const { strategy, canary, canaryDuration, paused, promote, abort } = rolloutAnnotations;
  const generation = { absent: undefined, unreadable: undefined, parse: parseGeneration };
  return {
    strategy: read({
      key: strategy,
      absent: defaults.strategy,
      unreadable: "canary",
      parse: (text) => (text === "all" || text === "canary" ? text : undefined),
      expected: "all or canary",
    }),
    canary: read({
      key: canary,
      absent: defaults.canary,
      unreadable: { nodes: 1 },
      parse: parseCanarySize,
      expected: "a number of nodes, or a percentage such as 10%",
    }),
    canaryMs: read({
      key: canaryDuration,
      absent: defaults.canaryMs,
      unreadable: longestCanaryMs,
      parse: parseCanaryMs,
      expected: "a duration such as 5m",
    }),
    isPaused: read({
      key: paused,
      absent: false,
      unreadable: true,
      parse: (text) => ({ true: true, false: false })[text],
      expected: "true or false",
    }),
    promote: read({ ...generation, key: promote, expected: "the number of a generation" }),
    abort: read({ ...generation, key: abort, expected: "the number of a generation" }),
    problems,
  };
}

type Reading<T> = {
  readonly key: string;
  readonly absent: T;
  readonly unreadable: T;
  readonly parse: (text: string) => T | undefined;
  readonly expected: string;
};

const longestCanaryMs = 7 * 24 * 3_600_000;

export function parseCanarySize(text: string): CanarySize | undefined {
  const [, digits = "", percent] = /^(\d{1,6})(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  if (digits === "" || number === 0) return undefined;
  if (percent === "") return { nodes: number };
  return number <= 100 ? { fraction: number / 100 } : undefined;
}

function parseCanaryMs(text: string): number | undefined {
  const ms = parseDuration(text);
  return ms >= 0 && ms <= longestCanaryMs ? ms : undefined;
}

function parseGeneration(text: string): number | undefined {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}
