// SPDX-License-Identifier: Apache-2.0

/** Paths of the methods of gander.v1.SensorStream. */
export const connectPath = "/gander.v1.SensorStream/Connect";
export const eventsPath = "/gander.v1.SensorStream/Events";

/** The number of this release; the head of sensor_stream.proto says when it is incremented. */
export const protocol = 1;

/** Limits that both sides observe, in bytes unless noted otherwise. */
export const streamLimits = {
  toSensorBytes: 4 * 1024 * 1024,
  fromSensorBytes: 512 * 1024,
  /** Of a content: the size that a file of 1 MiB compiles to, even if it is mostly a list of networks. */
  policyBytes: 3 * 1024 * 1024,
  /** Where a list is continued in the next message. */
  listBytes: 256 * 1024,
  kernelFactsBytes: 32 * 1024 * 1024,
  kernelFactsPartBytes: 192 * 1024,
  /** Policies of a node, and digests in a Hello: a number. */
  policies: 4096,
  /** Where a batch of events ends: bytes of its events, their number, and time since the first. */
  batchBytes: 192 * 1024,
  batchEvents: 2000,
  batchMs: 20,
  /** Of one event, such as one with a buffer of `maxData`; above batchBytes it is alone in its batch. */
  eventBytes: 448 * 1024,
  /** UTF-8 of a reason or message in an Ack; the rest is cut off. */
  reasonBytes: 512,
  /** Characters of the reason why a sensor can't start; the rest is cut off. */
  startProblemLength: 2048,
} as const;

/**
 * The protocol that two sides use; each supports its own number and the previous one. Undefined if they
 * are too far apart. Number 0 doesn't exist.
 */
export function spokenProtocol(one: number, other: number): number | undefined {
  const spoken = Math.min(one, other);
  return spoken >= 1 && Math.max(one, other) - spoken <= 1 ? spoken : undefined;
}
