// SPDX-License-Identifier: Apache-2.0

/** Progress of a generation, as the leader recorded it for all replicas and its successors. */
export type RolloutProgress =
  | {
      /** Sent to the nodes whose rank for the policy is below `below`; the others keep the previous one. */
      readonly phase: "canary";
      readonly below: number;
      /** How many nodes the leader wanted: that many must be ready. */
      readonly wanted: number;
      /** RFC 3339; since when all have been ready. Absent if they aren't, or haven't answered. */
      readonly cleanSince?: string;
    }
  | { readonly phase: "everywhere" }
  /** Aborted: nodes have the previous generation. */
  | { readonly phase: "aborted" };

export const progressAnnotation = "gander.dev/rollout-progress";

export const writeProgress = (progress: RolloutProgress): string => JSON.stringify(progress);

/** Undefined if absent or not understood. */
export function readProgress(text: string | undefined): RolloutProgress | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("phase" in value)) return undefined;
  if (value.phase === "everywhere" || value.phase === "aborted") return { phase: value.phase };
  if (value.phase !== "canary" || !("below" in value) || !("wanted" in value)) return undefined;
  const { below, wanted } = value;
  if (typeof below !== "number" || !(below > 0 && below <= 1)) return undefined;
  if (typeof wanted !== "number" || !Number.isSafeInteger(wanted) || wanted < 0) return undefined;
  const since = "cleanSince" in value ? value.cleanSince : undefined;
  const isTime = typeof since === "string" && !Number.isNaN(Date.parse(since));
  return { phase: "canary", below, wanted, ...(isTime ? { cleanSince: since } : {}) };
}

export function sameProgress(
  a: RolloutProgress | undefined,
  b: RolloutProgress | undefined,
): boolean {
  if (a === undefined || b === undefined) return a === b;
  return writeProgress(a) === writeProgress(b);
}
