// SPDX-License-Identifier: Apache-2.0
import type { NodePolicies, NodePolicy, PolicyShortfall } from "../policy/node/node-policies.ts";
import type { NodeBundle } from "./node-bundle.ts";

/** How a policy in force differs from the bundle. */
export type BundleException = Omit<PolicyShortfall, "state" | "code"> & {
  readonly state: PolicyShortfall["state"] | "refused";
  readonly code: string;
};

export type Applied = {
  /** With the stand-ins in force, and no others. */
  readonly bundle: NodeBundle;
  readonly exceptions: readonly BundleException[];
};

/**
 * Puts a bundle in force. If the newest version of a policy can't be and no other is in force, as after a
 * reboot, its stand-in is used.
 */
export async function applyBundle(policies: NodePolicies, bundle: NodeBundle): Promise<Applied> {
  let applied = await policies.apply(bundle.version);
  const lacking = new Map(
    applied.flatMap(({ uid, runningGeneration }): [string, NodePolicy][] => {
      const standIn = bundle.standIns.get(uid);
      return runningGeneration === 0 && standIn !== undefined ? [[uid, standIn]] : [];
    }),
  );
  if (lacking.size > 0) {
    const version = bundle.version.policies.map((policy) => lacking.get(policy.uid) ?? policy);
    const failed = new Set(
      (await policies.apply({ ...bundle.version, policies: version }))
        .filter(({ state, runningGeneration }) => state !== "degraded" && runningGeneration === 0)
        .map(({ uid }) => uid),
    );
    applied = applied.map((exception) => {
      const standIn = lacking.get(exception.uid);
      if (standIn === undefined || failed.has(exception.uid)) return exception;
      return { ...exception, runningGeneration: standIn.generation };
    });
  }
  return {
    bundle: { ...bundle, standIns: standInsInForce(bundle, applied) },
    exceptions: exceptionsOf(bundle, applied, policies),
  };
}

function standInsInForce(
  { version, refused, standIns }: NodeBundle,
  applied: readonly PolicyShortfall[],
): ReadonlyMap<string, NodePolicy> {
  const wanted = new Map(version.policies.map(({ uid, generation }) => [uid, generation]));
  const needed = new Set([
    ...refused.map(({ uid }) => uid),
    ...applied
      // The same generation with the newest values of its sets may be what fails.
      .filter(
        ({ uid, state, runningGeneration }) =>
          state === "failed" || runningGeneration !== wanted.get(uid),
      )
      .map(({ uid }) => uid),
  ]);
  return new Map([...standIns].filter(([uid]) => needed.has(uid)));
}

function exceptionsOf(
  { refused, standIns }: NodeBundle,
  applied: readonly PolicyShortfall[],
  policies: NodePolicies,
): readonly BundleException[] {
  const exceptions = new Map<string, BundleException>(applied.map((one) => [one.uid, one]));
  for (const { uid, code, message } of refused) {
    const ofStandIn = exceptions.get(uid);
    const runningGeneration =
      ofStandIn?.runningGeneration ??
      standIns.get(uid)?.generation ??
      policies.generationInForce(uid);
    const more = ofStandIn === undefined ? "" : `; its version before: ${ofStandIn.message}`;
    exceptions.set(uid, {
      uid,
      state: "refused",
      code,
      message: message + more,
      runningGeneration,
    });
  }
  return [...exceptions.values()];
}

/** A policy that isn't in force as it is to be, and whose other version has a blown fuse, has both reasons. */
export function withBlownFuses(
  exceptions: readonly BundleException[],
  blown: readonly PolicyShortfall[],
): readonly BundleException[] {
  if (blown.length === 0) return exceptions;
  const all = new Map(exceptions.map((one) => [one.uid, one]));
  for (const one of blown) {
    const other = all.get(one.uid);
    const message = other === undefined ? one.message : `${one.message}; ${other.message}`;
    const isWorse = other !== undefined && other.state !== "degraded";
    all.set(one.uid, { ...(isWorse ? other : one), message });
  }
  return [...all.values()];
}
