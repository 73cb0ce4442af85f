// SPDX-License-Identifier: Apache-2.0
import { digestBytes } from "@gander/policy/content";
import type {
  Assignment,
  Offer,
  PolicyHead,
  ToSensor,
  PodDetails as WireDetails,
} from "@gander/proto/stream";
import { streamCodec, streamLimits } from "@gander/proto/stream";
import type { KeptPod, PodPolicies } from "../workloads/resolver.ts";
import type { Labels, PolicyRevision } from "../workloads/workload.ts";
import type { BundleDelta } from "./bundle-delta.ts";

export type Version = {
  readonly epoch: number;
  /** The epoch that the delta builds on; 0: none. */
  readonly baseEpoch: number;
  readonly delta: BundleDelta;
};

const codec = streamCodec("gander.v1.ToSensor");

export function encodeToSensor(message: ToSensor): Buffer {
  const bytes = codec.encode(message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The Offer, in as many messages as its length requires; at least one. */
export function encodeOffers(version: Version): readonly Buffer[] {
  if (lastOffers === undefined || !hasSameOffers(lastOffers.version, version))
    lastOffers = { version, messages: encodeNewOffers(version) };
  return lastOffers.messages;
}

/** A change goes to all nodes as the same Offer, one after the other. */
let lastOffers: { readonly version: Version; readonly messages: readonly Buffer[] } | undefined;

function hasSameOffers(a: Version, b: Version): boolean {
  return (
    a.epoch === b.epoch &&
    a.baseEpoch === b.baseEpoch &&
    hasSameItems(a.delta.putPolicies, b.delta.putPolicies) &&
    hasSameItems(a.delta.removePolicies, b.delta.removePolicies)
  );
}

function hasSameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

function encodeNewOffers({ epoch, baseEpoch, delta }: Version): readonly Buffer[] {
  const head = {
    epoch: String(epoch),
    ...(baseEpoch === 0 ? {} : { base_epoch: String(baseEpoch) }),
  };
  const puts = inParts(
    delta.putPolicies,
    ({ name, namespace, withSets }) =>
      320 +
      name.length +
      namespace.length +
      (withSets?.sets ?? []).reduce((sum, set) => sum + set.name.length + 40, 0),
  );
  const removes = inParts(delta.removePolicies, (uid) => uid.length + 4);
  const offers: Offer[] = [
    ...puts.map((part) => ({ ...head, put: part.map(headOf) })),
    ...removes.map((remove) => ({ ...head, remove })),
  ];
  return (offers.length === 0 ? [head] : offers).map((offer) => encodeToSensor({ offer }));
}

/** Which policies apply to which pods, and the node's labels; nothing if none of it changed. */
export function encodeAssignments({
  putPods,
  removePods,
  nodeLabels,
}: BundleDelta): readonly Buffer[] {
  const puts = inParts(
    putPods,
    // Each pod counts its whole set and details: it may be the only one with them. UTF-16 to UTF-8: at most 3.
    ([{ name, group, details }, { key }]) =>
      200 + 3 * (name.length + group.labelsKey.length + details.text.length) + key.length,
  );
  const removes = inParts(removePods, (uid) => uid.length + 4);
  const assignments: Assignment[] = [
    ...puts.map(assignmentOf),
    ...removes.map((remove) => ({ remove })),
  ];
  if (nodeLabels !== undefined)
    assignments.push({ ...assignments.pop(), node_labels: { labels: labelList(nodeLabels) } });
  return assignments.map((assignment) => encodeToSensor({ assignment }));
}

/**
 * Merges short neighbouring messages, because a message costs more than its bytes. Long ones remain
 * buffers shared by all sensors.
 */
export function packMessages(messages: readonly Buffer[]): readonly Buffer[] {
  const packed: Buffer[] = [];
  let short: Buffer[] = [];
  let bytes = 0;
  const flush = () => {
    const [only] = short;
    if (only !== undefined) packed.push(short.length === 1 ? only : Buffer.concat(short));
    short = [];
    bytes = 0;
  };
  for (const message of messages) {
    // The first byte gives the kind. Two of a kind would be merged, and each Assignment numbers its sets
    // separately.
    const isSecond = message[0] !== policiesTag && short.some(([kind]) => kind === message[0]);
    if (isSecond || bytes + message.length > packedBytes) flush();
    short.push(message);
    bytes += message.length;
  }
  flush();
  return packed;
}

const packedBytes = 16 * 1024;
/** Of `ToSensor.policies`, a list: field 3, length-delimited. */
const policiesTag = (3 << 3) | 2;

function headOf({
  uid,
  generation,
  name,
  namespace,
  digest,
  withSets,
  mode,
  fuse,
  fuseRearmed,
}: PolicyRevision): PolicyHead {
  return {
    uid,
    generation: String(generation),
    name,
    namespace,
    digest: digestBytes(withSets?.content ?? digest),
    mode,
    ...(fuse !== undefined && { fuse }),
    ...(fuseRearmed !== undefined && { fuse_rearmed: fuseRearmed }),
    ...(withSets && {
      sets: withSets.sets.map((set) => ({
        name: set.name,
        ...(set.digest !== "" && { digest: digestBytes(set.digest) }),
      })),
    }),
  };
}

function assignmentOf(pods: readonly (readonly [KeptPod, PodPolicies])[]): Assignment {
  const sets = createTable<{ readonly policies: readonly string[] }>();
  const allDetails = createTable<WireDetails>();
  const put = pods.map(([{ uid, name, group, details }, { key, uids }]) => {
    return {
      uid,
      name,
      namespace: group.namespace,
      labels: labelList(group.labels),
      set: sets.at(key, () => ({ policies: uids })),
      ...(details.text !== "" && {
        details: allDetails.at(details.digest, () => JSON.parse(details.text)) + 1,
      }),
    };
  });
  return { put, sets: sets.rows, ...(allDetails.rows.length > 0 && { details: allDetails.rows }) };
}

/** Ascending by key. */
function labelList(labels: Labels): { readonly key: string; readonly value: string }[] {
  const entries = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, value]) => ({ key, value }));
}

/** Rows in the order of their first use; `at` gives the position of a key's row. */
function createTable<Row>() {
  const positions = new Map<string, number>();
  const rows: Row[] = [];
  return {
    rows,
    at(key: string, make: () => Row): number {
      let position = positions.get(key);
      if (position === undefined) {
        position = rows.push(make()) - 1;
        positions.set(key, position);
      }
      return position;
    },
  };
}

/** Splits into lists of at most about `listBytes` each, or of one item. */
function inParts<T>(items: readonly T[], sizeOf: (item: T) => number): readonly (readonly T[])[] {
  const parts: T[][] = [];
  let room = 0;
  for (const item of items) {
    const size = sizeOf(item);
    const last = parts.at(-1);
    if (last === undefined || size > room) {
      parts.push([item]);
      room = streamLimits.listBytes - size;
    } else {
      last.push(item);
      room -= size;
    }
  }
  return parts;
}
