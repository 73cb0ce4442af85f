// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { Session, SessionRequest } from "@gander/proto";
import type { SessionAnnouncement } from "@gander/proto/stream";
import type { Workload } from "../workload/workload.ts";
import {
  commandKey,
  mayBeIn,
  mayRun,
  type RunningCommand,
  type SessionCommand,
} from "./session-command.ts";

export type SessionCounts = {
  /** Requests. */
  announced: number;
  /** Commands of one user's request; of one of several users; of none. */
  matched: number;
  ambiguous: number;
  unannounced: number;
  /** Requests whose command did not begin in time. */
  expired: number;
  /** Requests for which there was no room. */
  dropped: number;
};

/**
 * Requests that cannot be told apart by the commands that they start: each of these commands may be of any of
 * them, and as many begin as there are requests.
 */
type Group = {
  readonly container: string;
  readonly commands: SessionCommand[];
  readonly requests: SessionRequest[];
  /** Commands that began. */
  claims: number;
  /** Of the last request. */
  atMs: number;
};

/** Requests that wait: for a pod, and altogether. */
const most = { ofPod: 64, all: 4096 };

/** Candidates that an event shows. */
export const shownCandidates = 16;

/** Announced requests whose commands have not begun. */
export class SessionRequests {
  readonly #counts: SessionCounts;
  readonly #claimMs: number;
  /** By the pod's UID. */
  readonly #pods = new Map<string, Group[]>();
  #size = 0;

  constructor(counts: SessionCounts, { claimMs }: { readonly claimMs: number }) {
    this.#counts = counts;
    this.#claimMs = claimMs;
  }

  /** Counts it as dropped if there is no room. */
  add(announcement: SessionAnnouncement, request: SessionRequest, atMs: number): void {
    const { pod = "", container = "", command = [], command_cut = false } = announcement;
    const groups = this.#pods.get(pod) ?? [];
    const ofPod = groups.reduce((sum, { requests }) => sum + requests.length, 0);
    if (pod === "" || ofPod >= most.ofPod || this.#size >= most.all) {
      this.#counts.dropped++;
      return;
    }
    this.#size++;
    const key = commandKey({ command, command_cut });
    const same = groups.find(
      (group) =>
        group.container === container && group.commands.some((one) => commandKey(one) === key),
    );
    if (same !== undefined) {
      same.requests.push(request);
      same.atMs = atMs;
      return;
    }
    groups.push({
      ...{ container, commands: [{ command, command_cut }], requests: [request], claims: 0, atMs },
    });
    this.#pods.set(pod, groups);
  }

  /** The session of a command that began in the container; `kubelet`: the kubelet may have started it, too. */
  claim(
    workload: Workload,
    running: RunningCommand,
    kubelet: SessionRequest | undefined,
  ): Session | undefined {
    const pod = workload.pod?.uid ?? "";
    const fitting = (this.#pods.get(pod) ?? []).filter(
      ({ container, commands }) =>
        mayBeIn(workload, container) && commands.some((command) => mayRun(running, command)),
    );
    const [group] = fitting;
    if (group === undefined) return kubelet;
    const requests = fitting.flatMap((one) => one.requests);
    if (kubelet !== undefined) {
      // The requests wait for the other command.
      this.#counts.ambiguous++;
      return { kind: "exec", candidates: [...requests, kubelet].slice(-shownCandidates) };
    }
    this.#claimOne(pod, group, fitting);
    return this.#sessionOf(requests);
  }

  /** Forgets requests whose commands did not begin in time. */
  expire(nowMs: number): void {
    for (const [pod, groups] of this.#pods)
      for (const group of groups)
        if (nowMs - group.atMs >= this.#claimMs) {
          this.#counts.expired += group.requests.length - group.claims;
          this.#remove(pod, group);
        }
  }

  #sessionOf(requests: readonly SessionRequest[]): Session {
    const [first = {}, ...others] = requests;
    if (others.length === 0) {
      this.#counts.matched++;
      return first;
    }
    const candidates = requests.slice(0, shownCandidates);
    const { user = "", groups = [] } = first;
    const isOneUser = others.every(
      (one) => one.user === user && isDeepStrictEqual(one.groups ?? [], groups),
    );
    if (!isOneUser) {
      this.#counts.ambiguous++;
      return { kind: "exec", candidates };
    }
    this.#counts.matched++;
    const { request_uid: _, ...common } = first;
    return { ...common, candidates };
  }

  /** Which of the groups it was is not known: from now on they are one. */
  #claimOne(pod: string, group: Group, fitting: readonly Group[]): void {
    for (const other of fitting) {
      if (other === group) continue;
      group.commands.push(...other.commands);
      group.requests.push(...other.requests);
      group.claims += other.claims;
      group.atMs = Math.max(group.atMs, other.atMs);
      this.#size += other.requests.length;
      this.#remove(pod, other);
    }
    group.claims++;
    if (group.claims >= group.requests.length) this.#remove(pod, group);
  }

  #remove(pod: string, group: Group): void {
    this.#size -= group.requests.length;
    const left = (this.#pods.get(pod) ?? []).filter((one) => one !== group);
    if (left.length === 0) this.#pods.delete(pod);
    else this.#pods.set(pod, left);
  }
}
