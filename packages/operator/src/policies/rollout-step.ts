// SPDX-License-Identifier: Apache-2.0
import { nodeRank } from "../workloads/policy-share.ts";
import type { RolloutPlan } from "./rollout-plan.ts";
import type { RolloutProgress } from "./rollout-progress.ts";
import type { CanarySize, RolloutSettings } from "./rollout-settings.ts";

/** The status of the nodes that got a generation first. */
export type CanaryState = {
  readonly nodes: number;
  readonly ready: number;
  readonly pending: number;
  /** Refused, failed or unsupported, or with a blown fuse. */
  readonly bad: number;
};

export type StepInput = {
  readonly uid: string;
  readonly phase: RolloutPlan["phase"];
  /** The recorded progress of the newest generation. */
  readonly progress: RolloutProgress | undefined;
  readonly settings: Pick<RolloutSettings, "strategy" | "canary" | "canaryMs" | "isPaused">;
  /** Nodes that the generation applies to, and whether their sensors are connected; read only to choose. */
  readonly candidates: () => ReadonlyMap<string, boolean>;
  /** Of the canary's nodes, if there are any. */
  readonly canary: CanaryState | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
};

export type RolloutStep = {
  /** The progress to record for the newest generation; undefined while undecided. */
  readonly progress: RolloutProgress | undefined;
  /** When to check again even without a change. */
  readonly againAfterMs?: number;
};

/** The leader's next decision about the newest generation. */
export function stepRollout(input: StepInput): RolloutStep {
  const { phase, progress, settings, nowMs } = input;
  switch (phase) {
    case "everywhere":
    case "aborted":
      return { progress: { phase } };
    case "held":
    case "rejected":
      return { progress };
    case "choosing":
      return chooseNodes(input);
    case "canary": {
      if (progress?.phase !== "canary" || settings.isPaused) return { progress };
      // It was a canary until the strategy was changed.
      if (settings.strategy === "all") return { progress: { phase: "everywhere" } };
      const { cleanSince, ...rest } = progress;
      if (!doesWell(input.canary, progress.wanted)) return { progress: rest };
      const since = cleanSince ?? new Date(nowMs).toISOString();
      const leftMs = Date.parse(since) + settings.canaryMs - nowMs;
      if (leftMs <= 0) return { progress: { phase: "everywhere" } };
      return { progress: { ...rest, cleanSince: since }, againAfterMs: leftMs };
    }
  }
}

/** A sensor may have gone because of what it received: as many as were chosen must be ready. */
function doesWell(canary: CanaryState | undefined, wanted: number): boolean {
  if (canary === undefined) return wanted === 0;
  const { nodes, ready, pending, bad } = canary;
  return bad === 0 && pending === 0 && ready >= Math.min(wanted, nodes);
}

/**
 * The first nodes by rank, enough that the wanted number is connected. At most twice that number is
 * included: when few sensors are connected, as after a restart, the first would be nearly all.
 */
function chooseNodes({ uid, settings, candidates }: StepInput): RolloutStep {
  const nodes = candidates();
  // There is no node to try it on, and none to harm.
  if (nodes.size === 0) return { progress: { phase: "everywhere" } };
  const wanted = Math.min(countOf(settings.canary, nodes.size), nodes.size);
  const ranked = [...nodes]
    .map(([name, isConnected]) => ({ rank: nodeRank(uid, name), isConnected }))
    .sort((a, b) => a.rank - b.rank);
  let connected = 0;
  let taken = 0;
  for (const { isConnected } of ranked.slice(0, 2 * wanted + 2)) {
    taken++;
    if (isConnected) connected++;
    if (connected === wanted) break;
  }
  if (connected < wanted) taken = wanted;
  const next = ranked[taken];
  return { progress: { phase: "canary", below: next?.rank ?? 1, wanted } };
}

const countOf = (size: CanarySize, nodes: number) =>
  "nodes" in size ? size.nodes : Math.max(1, Math.ceil(size.fraction * nodes));
