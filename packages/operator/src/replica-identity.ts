// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";

/**
 * What a replica writes into the Lease: who it is for people, where others reach it, and something that
 * no other process has, not even its predecessor of the same name.
 */
export function replicaIdentity(pod: string, address: string): string {
  return `${pod}_${address}_${randomUUID()}`;
}

/** HOST:PORT of the replica's api-address; undefined for a Lease that nobody, or somebody else, holds. */
export function addressOfReplica(identity: string): string | undefined {
  // Neither names of pods nor addresses have an underscore.
  const [, address, random] = identity.split("_");
  return random === undefined ? undefined : address;
}
