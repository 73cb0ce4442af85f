// SPDX-License-Identifier: Apache-2.0

import { hash } from "node:crypto";
import { digestBytes } from "@gander/policy/content";
import {
  type PolicyReport,
  type ReplicaReport,
  type StartProblem,
  streamCodec,
} from "@gander/proto/stream";
import { countsOf, nodeStateOf } from "../fleet/policy-nodes.ts";
import type { SensorHub } from "../sensors/sensor-hub.ts";
import { localSource } from "../status/local-source.ts";
import type { Resolver } from "../workloads/resolver.ts";

export type ReportDeps = {
  readonly hub: SensorHub;
  readonly resolver: Pick<Resolver, "policyUids" | "sharesOf">;
};

/** Per message; a policy's report takes up to 16 KB. */
const policiesInAMessage = 16;
const nodesInAMessage = 2_000;
const problemsInAMessage = 100;

/** Makes reports of the changes since the last one; the first has everything, empty ones are left out. */
export function createReportMaker({ hub, resolver }: ReportDeps) {
  const source = localSource(hub);
  /** With their streams: a sensor that reconnected between two reports counts as added. */
  const toldNodes = new Map<string, object>();
  /** Hashes of the last reports. */
  const toldPolicies = new Map<string, string>();

  const changedProblems = createProblemChanges(hub);

  const policyReport = (uid: string): PolicyReport => ({
    uid,
    revisions: resolver.sharesOf(uid).map(({ revision, nodes }) => {
      const { answered, ready, states, worst } = source.answers(revision);
      return {
        generation: String(revision.generation),
        digest: digestBytes(revision.digest),
        mode: revision.mode,
        ...{ answered, ready },
        states: Object.entries(states).map(([state, count]) => ({
          state: nodeStateOf[state as keyof typeof states],
          nodes: count,
        })),
        worst: worst.map(({ node, state, code, message, runningGeneration }) => ({
          ...{ node, state: nodeStateOf[state], code, message },
          running_generation: String(runningGeneration),
        })),
        waiting: source.waiting(revision, nodes),
      };
    }),
    counts: countsOf(source.totals(uid)),
  });

  const changedPolicies = (known: ReadonlySet<string>): readonly PolicyReport[] =>
    [...known, ...toldPolicies.keys()].flatMap((uid) => {
      if (!known.has(uid)) {
        toldPolicies.delete(uid);
        return [{ uid }];
      }
      const report = policyReport(uid);
      const digest = hash("sha256", reportCodec.encode(report), "base64");
      if (toldPolicies.get(uid) === digest) return [];
      toldPolicies.set(uid, digest);
      return [report];
    });

  return (): readonly ReplicaReport[] => {
    const came: string[] = [];
    for (const node of hub.nodes) {
      const session = hub.session(node);
      if (session === undefined || toldNodes.get(node) === session) continue;
      toldNodes.set(node, session);
      came.push(node);
    }
    const went = [...toldNodes.keys()].filter((node) => hub.session(node) === undefined);
    for (const node of went) toldNodes.delete(node);
    const policies = changedPolicies(new Set(resolver.policyUids()));
    const messages: ReplicaReport[] = [
      ...parts(came, nodesInAMessage).map((some) => ({ came: some })),
      ...parts(went, nodesInAMessage).map((some) => ({ went: some })),
      ...parts(changedProblems(), problemsInAMessage).map((some) => ({ start_problems: some })),
      ...parts(policies, policiesInAMessage).map((some) => ({ policies: some })),
    ];
    return messages.map((message, at) => ({ ...message, more: at < messages.length - 1 }));
  };
}

/** Why sensors cannot start, as far as it has changed since the last call; an empty reason: no longer. */
function createProblemChanges(hub: Pick<SensorHub, "startProblems">) {
  const told = new Map<string, string>();
  return (): readonly StartProblem[] => {
    const now = hub.startProblems.all();
    const gone = [...told.keys()].filter((node) => !now.has(node));
    const changed = [...now].filter(([node, problem]) => told.get(node) !== problem);
    for (const node of gone) told.delete(node);
    for (const [node, problem] of changed) told.set(node, problem);
    return [
      ...gone.map((node) => ({ node })),
      ...changed.map(([node, problem]) => ({ node, problem })),
    ];
  };
}

const reportCodec = streamCodec("gander.v1.PolicyReport");

export function parts<T>(all: readonly T[], size: number): (readonly T[])[] {
  const result: (readonly T[])[] = [];
  for (let at = 0; at < all.length; at += size) result.push(all.slice(at, at + size));
  return result;
}
