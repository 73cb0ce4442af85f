// SPDX-License-Identifier: Apache-2.0
import type { Session, SessionRequest } from "@gander/proto";
import type { SessionAnnouncement } from "@gander/proto/stream";
import type { Workload } from "../workload/workload.ts";
import { runsCommand } from "./exec-probe.ts";
import type { ProcessEntry } from "./process-entry.ts";
import { processFlag } from "./process-flags.ts";
import type { ProcessTable } from "./process-table.ts";
import { mayBeIn, mayRun, type RunningCommand } from "./session-command.ts";
import { type SessionCounts, SessionRequests, shownCandidates } from "./session-requests.ts";

type SessionsDeps = {
  readonly table: Pick<ProcessTable, "entries">;
  /** Milliseconds that never decrease. */
  readonly now: () => number;
};

export type SessionsOptions = {
  /** How long a request waits for its command. */
  readonly claimMs?: number;
  /** How long after its command a request may still arrive. */
  readonly lateMs?: number;
  /** How long requests must have been announced before one that is missing means anything. */
  readonly settleMs?: number;
};

/** A command that no request was known for when it began. */
type Unannounced = {
  readonly entry: ProcessEntry;
  /** Of the command and all that it started. */
  session: Session;
  /** That arrived later and fit. */
  readonly late: SessionRequest[];
  readonly running: RunningCommand;
  readonly atMs: number;
};

/** Containers remembered as started; recent unannounced commands; requested ephemeral containers. */
const most = { containers: 4096, recent: 256, ephemeral: 1024 };

/** Of a runtime, between its last exec and the command. */
const mostForks = 16;

/**
 * Finds out which request to the API server a process in a container belongs to. A session begins with a
 * process whose parent is outside of its container, unless it is the container's first; all its descendants
 * belong to it. Several requests that fit make candidates: nothing is guessed. Everything is in memory only,
 * and bounded.
 */
export class Sessions {
  readonly counts: SessionCounts = {
    ...{ announced: 0, matched: 0, ambiguous: 0, unannounced: 0, expired: 0, dropped: 0 },
  };
  readonly #deps: SessionsDeps;
  readonly #options: Required<SessionsOptions>;
  readonly #requests: SessionRequests;
  /** Ids of containers whose first process has been seen, oldest first. */
  readonly #started = new Set<string>();
  /** By `podUid/container`. */
  readonly #ephemeral = new Map<string, Session>();
  #recent: Unannounced[] = [];
  /** Images that entered a container's cgroup, but not its pid namespace. */
  readonly #entering = new WeakSet<ProcessEntry>();
  #listeningSinceMs: number | undefined;

  constructor(deps: SessionsDeps, options: SessionsOptions = {}) {
    this.#deps = deps;
    // A runtime keeps a requested command for a minute (k8s.io/kubelet/pkg/cri/streaming), and a busy node uses it.
    this.#options = { claimMs: 60_000, lateMs: 2_000, settleMs: 5_000, ...options };
    this.#requests = new SessionRequests(this.counts, { claimMs: this.#options.claimMs });
  }

  /** Whether requests are announced from now on: only then one that is missing means anything. */
  listen(state: "listening" | "deaf"): void {
    if (state === "deaf") this.#listeningSinceMs = undefined;
    else this.#listeningSinceMs ??= this.#deps.now();
  }

  /** The API server was asked for a session on this node. */
  announce(announcement: SessionAnnouncement): void {
    const { kind = "", pod = "", container = "" } = announcement;
    this.counts.announced++;
    if (kind === "ephemeral-container") {
      remember(this.#ephemeral, `${pod}/${container}`, requestOf(announcement), most.ephemeral);
      this.workloadsChanged();
    } else if (!this.#isLate(announcement))
      this.#requests.add(announcement, requestOf(announcement), this.#deps.now());
  }

  /**
   * hot: a process has a new image, or was found at the start (bench/event-encoding). `previous`: the image
   * that it replaces; `args`: the arguments with their secrets.
   */
  began(entry: ProcessEntry, previous: ProcessEntry | undefined, args: string): void {
    if (previous?.session !== undefined) entry.session = previous.session;
    const { containerId, pod } = entry.workload;
    if (entry.session !== undefined || containerId === "" || pod === undefined) return;
    if ((entry.flags & processFlag.procFS) !== 0) this.#hasStarted(containerId);
    else if (this.#isFromOutside(entry, previous)) this.#entered(entry, args);
  }

  /** More is known about containers: of an ephemeral one the name, after its first process began. */
  workloadsChanged(): void {
    if (this.#ephemeral.size === 0) return;
    for (const entry of this.#deps.table.entries())
      if (entry.session === undefined) entry.session = this.#ephemeralOf(entry.workload);
  }

  /** Call it now and then. */
  expire(): void {
    this.#requests.expire(this.#deps.now());
  }

  #entered(entry: ProcessEntry, args: string): void {
    const { workload, flags } = entry;
    const isNew = !this.#started.has(workload.containerId);
    // The runtime's own process, on its way into the container, is not in the pid namespace yet.
    const isInside = entry.nsPid !== 0 && entry.nsPid !== entry.pid;
    if (!isInside) this.#entering.add(entry);
    if (isNew && isInside) this.#hasStarted(workload.containerId);
    if (isNew) entry.session = this.#ephemeralOf(workload);
    if (entry.session !== undefined || isNew) return;
    const running = { binary: entry.binary, arguments: args, flags };
    const session = this.#sessionOf(workload, running);
    if (session !== undefined) entry.session = session;
    else if (isInside && !entry.inInitTree && this.#isSettled()) this.#mark(entry, running);
  }

  /**
   * Whether it came into its container by this exec. A runtime forks once or twice after it has joined the
   * cgroup (runc: libcontainer/nsenter/nsexec.c), and the last of these processes executes the command: forks
   * without an exec count as what they were forked from.
   */
  #isFromOutside(entry: ProcessEntry, previous: ProcessEntry | undefined): boolean {
    const { containerId } = entry.workload;
    const isInside = (one: ProcessEntry) =>
      one.workload.containerId === containerId && !this.#entering.has(one);
    if (previous !== undefined && !previous.isClone && isInside(previous)) return false;
    let from = entry.parent;
    for (let depth = 0; from?.isClone === true && depth < mostForks; depth++) from = from.parent;
    // Where it came from is not known: then nothing is said.
    if (from === undefined || from.isClone || (from.flags & processFlag.unknown) !== 0)
      return false;
    return !isInside(from);
  }

  #sessionOf(workload: Workload, running: RunningCommand): Session | undefined {
    const ofKubelet = [...(workload.execProbes ?? []), ...(workload.hooks ?? [])];
    const isKubelet = ofKubelet.some((command) => runsCommand(running, command));
    return this.#requests.claim(workload, running, isKubelet ? { kind: "kubelet" } : undefined);
  }

  #isSettled(): boolean {
    const since = this.#listeningSinceMs;
    return since !== undefined && this.#deps.now() - since >= this.#options.settleMs;
  }

  #mark(entry: ProcessEntry, running: RunningCommand): void {
    this.counts.unannounced++;
    const session = { kind: "exec", unannounced: true };
    entry.session = session;
    this.#recent.push({ entry, session, late: [], running, atMs: this.#deps.now() });
    if (this.#recent.length > most.recent) this.#recent.shift();
  }

  /** A request after its command: true if it fits one or more that began, whose events show it from now on. */
  #isLate(announcement: SessionAnnouncement): boolean {
    const since = this.#deps.now() - this.#options.lateMs;
    this.#recent = this.#recent.filter(({ atMs }) => atMs >= since);
    const { pod, container = "", command = [], command_cut = false } = announcement;
    const fitting = this.#recent.filter(
      ({ entry: { workload }, running }) =>
        workload.pod?.uid === pod &&
        mayBeIn(workload, container) &&
        mayRun(running, { command, command_cut }),
    );
    // As many requests as commands: this one is for a command that has not begun.
    if (fitting.every(({ late }) => late.length >= fitting.length)) return false;
    const request = requestOf(announcement);
    if (fitting.length === 1) this.counts.matched++;
    else this.counts.ambiguous++;
    for (const one of fitting) {
      one.late.push(request);
      this.#replace(one, lateSession(one.late, fitting.length));
    }
    return true;
  }

  #replace(one: Unannounced, session: Session): void {
    for (const entry of this.#deps.table.entries())
      if (entry.session === one.session) entry.session = session;
    one.session = session;
  }

  #ephemeralOf({ pod }: Workload): Session | undefined {
    const name = pod?.container?.name ?? "";
    return name === "" ? undefined : this.#ephemeral.get(`${pod?.uid}/${name}`);
  }

  #hasStarted(containerId: string): void {
    this.#started.add(containerId);
    for (const oldest of this.#started) {
      if (this.#started.size <= most.containers) return;
      this.#started.delete(oldest);
    }
  }
}

/** Of one of these commands. */
function lateSession(late: readonly SessionRequest[], commands: number): Session {
  const [only] = late;
  if (only !== undefined && late.length === 1 && commands === 1) return only;
  const unannounced = late.length < commands && { unannounced: true };
  return { kind: "exec", ...unannounced, candidates: late.slice(0, shownCandidates) };
}

function requestOf(announcement: SessionAnnouncement): SessionRequest {
  const { kind, user, groups, request_uid } = announcement;
  return {
    ...(kind && { kind }),
    ...(user && { user }),
    ...(groups && groups.length > 0 && { groups }),
    ...(request_uid && { request_uid }),
  };
}

function remember<T>(map: Map<string, T>, key: string, value: T, size: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= size) return;
    map.delete(oldest);
  }
}
