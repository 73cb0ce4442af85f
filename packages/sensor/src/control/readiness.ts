// SPDX-License-Identifier: Apache-2.0

/** The operator's policies on this node. */
export type ClusterShare = {
  /** The source of the policies in force. */
  readonly source: "nothing" | "disk" | "operator";
  /** Whether the disk had everything that was last to be in force. */
  readonly isWhole: boolean;
  /** The policies that are not, or not fully, in force. */
  readonly exceptions: readonly {
    readonly uid: string;
    readonly message: string;
    /** 0: no generation of it is in force. */
    readonly runningGeneration: number;
  }[];
};

export type ReadinessDeps = {
  /** Undefined: the sensor has no operator. */
  readonly cluster: ClusterShare | undefined;
  /** The policies of the operator that an earlier sensor had in force on this node. */
  readonly before: readonly { readonly uid: string; readonly name: string }[];
  /** Names of other policies of an earlier sensor that are in force only in its own programs. */
  readonly unrestored: () => readonly string[];
};

/**
 * Whether a sensor that has started does the work of the one that it replaces. Returns the reasons why it
 * does not; none: it is ready, and stays so while it runs. Policies that fail later make no sensor unready,
 * because a policy that works nowhere must not hold up an update of the sensors.
 */
export function createReadiness({
  cluster,
  before,
  unrestored,
}: ReadinessDeps): () => readonly string[] {
  let isReady = false;
  return () => {
    if (isReady) return [];
    const reasons = [...missingVersion(cluster), ...missingPolicies(cluster, before)];
    for (const name of unrestored())
      reasons.push(`policy "${name}" of the earlier sensor is in force only in its own programs`);
    isReady = reasons.length === 0;
    return reasons;
  };
}

function missingVersion(cluster: ClusterShare | undefined): readonly string[] {
  if (cluster === undefined || cluster.source === "operator") return [];
  if (cluster.source === "nothing") return ["the operator has not sent this node's policies yet"];
  return cluster.isWhole
    ? []
    : ["of the stored policies some are lost, and the operator has not sent them again"];
}

function missingPolicies(
  cluster: ClusterShare | undefined,
  before: ReadinessDeps["before"],
): readonly string[] {
  const names = new Map(before.map(({ uid, name }) => [uid, name]));
  return (cluster?.exceptions ?? [])
    .filter(({ uid, runningGeneration }) => runningGeneration === 0 && names.has(uid))
    .map(
      ({ uid, message }) =>
        `policy "${names.get(uid)}" was in force before this sensor, which cannot put it in force: ${message}`,
    );
}
