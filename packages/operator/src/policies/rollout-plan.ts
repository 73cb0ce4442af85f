// SPDX-License-Identifier: Apache-2.0
import type { RolloutProgress } from "./rollout-progress.ts";
import type { RolloutSettings } from "./rollout-settings.ts";

export type PlanInput = {
  /** Of the object in the API. */
  readonly generation: number;
  /** Whether that generation can be compiled. */
  readonly isAccepted: boolean;
  readonly settings: Pick<RolloutSettings, "strategy" | "isPaused" | "promote" | "abort">;
  /** Generations that were accepted and are still known, in any order; the newest may be among them. */
  readonly known: readonly KnownGeneration[];
};

export type KnownGeneration = {
  readonly generation: number;
  /** Undefined if it was accepted and nothing else was decided. */
  readonly progress: RolloutProgress | undefined;
};

/** Nodes by their rank for the policy: those in [from, to) get the generation. */
export type GenerationShare = {
  readonly generation: number;
  readonly from: number;
  readonly to: number;
};

export type RolloutPlan = {
  /**
   * everywhere: all nodes get the newest generation; canary: some get it, the others keep the previous
   * one; choosing: the leader hasn't yet chosen its first nodes; held: paused before any node got it;
   * rejected: the newest generation is unusable.
   */
  readonly phase: "everywhere" | "canary" | "choosing" | "held" | "aborted" | "rejected";
  /** Newest first; empty if no node gets the policy. */
  readonly shares: readonly GenerationShare[];
};

/**
 * Decides which nodes get which generation. It depends only on API objects, so all replicas agree: the
 * leader's decisions are in the progress of generations. Before such a decision, a policy that goes to all
 * nodes at once does so.
 */
export function planRollout({ generation, isAccepted, settings, known }: PlanInput): RolloutPlan {
  const before = (than: number) =>
    known
      .filter((one) => one.generation < than && one.progress?.phase === "everywhere")
      .reduce((newest, one) => Math.max(newest, one.generation), 0);
  const all = (of: number) => (of === 0 ? [] : [{ generation: of, from: 0, to: 1 }]);
  const canary = (of: number, below: number) => [
    { generation: of, from: 0, to: below },
    ...(below < 1 ? all(before(of)).map((rest) => ({ ...rest, from: below })) : []),
  ];
  const progressOf = (of: number) => known.find((one) => one.generation === of)?.progress;

  if (!isAccepted) {
    // The previous state continues: even a canary, which then gets no further.
    const last = known.reduce(
      (newest, one) => (one.generation < generation ? Math.max(newest, one.generation) : newest),
      0,
    );
    const progress = progressOf(last);
    const shares =
      progress?.phase === "canary" ? canary(last, progress.below) : all(before(generation));
    return { phase: "rejected", shares };
  }
  const progress = progressOf(generation);
  const previous = all(before(generation));
  if (settings.abort === generation) return { phase: "aborted", shares: previous };
  if (settings.promote === generation) return { phase: "everywhere", shares: all(generation) };
  if (progress?.phase === "aborted") return { phase: "aborted", shares: previous };
  if (progress?.phase === "everywhere") return { phase: "everywhere", shares: all(generation) };
  if (progress?.phase === "canary")
    return { phase: "canary", shares: canary(generation, progress.below) };
  if (settings.isPaused) return { phase: "held", shares: previous };
  if (settings.strategy === "canary") return { phase: "choosing", shares: previous };
  return { phase: "everywhere", shares: all(generation) };
}
