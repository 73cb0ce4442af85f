// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type { NodePod } from "../policy/node/node-policies.ts";
import type { NodeState, PolicyHead } from "./node-state.ts";

/** A bundle on disk; the contents of its policies are stored beside it, under their digests. */
export type StoredBundle = {
  /** The node that it applies to. */
  readonly node: string;
  readonly state: NodeState;
  /** By UID: the version used while a policy's newest version can't be put in force. */
  readonly standIns: ReadonlyMap<string, PolicyHead>;
  /** UIDs of policies whose content was never received. */
  readonly absent: ReadonlySet<string>;
};

type Body = {
  readonly node: string;
  readonly epoch: number;
  readonly digest: string;
  readonly policies: readonly PolicyHead[];
  readonly standIns: readonly PolicyHead[];
  readonly absent: readonly string[];
  readonly pods: readonly NodePod[];
  /** Absent: an older sensor wrote it. */
  readonly nodeLabels?: NodeState["nodeLabels"];
};

const format = 1;

/** A line with the checksum of all that follows, then JSON. */
export function encodeBundle({ node, state, standIns, absent }: StoredBundle): Buffer {
  const body: Body = {
    node,
    epoch: state.epoch,
    digest: state.digest,
    policies: [...state.policies.values()],
    standIns: [...standIns.values()],
    absent: [...absent],
    pods: [...state.pods.values()],
    nodeLabels: state.nodeLabels,
  };
  const text = JSON.stringify(body);
  return Buffer.from(`${header(text)}\n${text}`);
}

/** Undefined: `encodeBundle` did not write it, or not to its end, or it was changed later. */
export function decodeBundle(bytes: Buffer): StoredBundle | undefined {
  const text = bytes.toString("utf8");
  const newline = text.indexOf("\n");
  const json = text.slice(newline + 1);
  if (newline < 0 || text.slice(0, newline) !== header(json)) return undefined;
  const body = JSON.parse(json) as Body;
  const { node, epoch, digest, policies, standIns, absent, pods, nodeLabels = {} } = body;
  const state = { epoch, digest, policies: byUid(policies), pods: byUid(pods), nodeLabels };
  return { node, state, standIns: byUid(standIns), absent: new Set(absent) };
}

function header(text: string): string {
  return `gander-bundle ${format} ${createHash("sha256").update(text).digest("hex")}`;
}

function byUid<T extends { readonly uid: string }>(list: readonly T[]): ReadonlyMap<string, T> {
  return new Map(list.map((one) => [one.uid, one]));
}
