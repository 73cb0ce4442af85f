// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";

/**
 * A replica's identity in the Lease: its name for people, its address for the others, and a random part
 * that no other process has, not even its predecessor of the same name.
 */
export function replicaIdentity(pod: string, address: string): string {
  return `${pod}_${address}_${randomUUID()}`;
}

/** HOST:PORT of the replica's api-address; undefined if the Lease has no holder, or a foreign one. */
export function addressOfReplica(identity: string): string | undefined {
  // Neither pod names nor addresses contain an underscore.
  const [, address, random] = identity.split("_");
  return random === undefined ? undefined : address;
}
