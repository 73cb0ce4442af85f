// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { EarlyProcesses, HeldProcess } from "../../kernel/tables/early-processes.ts";
import { earlyExec } from "../../link/abi.gen.ts";
import type { PodCgroup } from "../../workload/pod-cgroups.ts";

/** What happens to processes of a pod whose policies have not arrived: they run, marked or not, or wait. */
export type NewPodsMode = "run" | "observe" | "hold";

export type EarlyPodsOptions = {
  readonly mode: Exclude<NewPodsMode, "run">;
  /** The longest that processes of a pod are held, from the first one on. */
  readonly limitMs: number;
  /**
   * How long the programs hold processes without a sign of this process. Longer than it is busy when it loads
   * programs for new policies.
   */
  readonly patienceMs?: number;
};

export type EarlyPodsDeps = {
  readonly kernel: EarlyProcesses;
  readonly logger: Logger;
  /** Starts the process that lets held processes go if this one can't. */
  readonly startGuard: (options: {
    readonly descriptor: number;
    readonly longestMs: number;
    readonly onLetGo: (process: HeldProcess) => void;
  }) => Guard;
};

type Guard = Disposable & { readonly isRunning: boolean };

export type EarlyCounts = Pick<EarlyPodsOptions, "mode" | "limitMs"> & {
  readonly heldNow: number;
  /** Processes that were held, since the programs were loaded. */
  readonly held: bigint;
  /** Processes that ran before the policies of their pod were in force, marked in their events. */
  readonly ranEarly: bigint;
};

const beatMs = 250;
/** After the limit, before the guard lets a process go in place of this one. */
const guardWaitsMs = 1_000;
const mostTimerMs = 60_000;
/** Cgroups of a pod that are marked one by one. */
const maxMarked = 64;

type State = "holder of pods" | "early" | "ready";

/**
 * Knows which pods have their policies, and tells the programs (bpf/hold.bpf.h). Pods that exist at the start
 * are never held: their processes run already.
 */
export class EarlyPods implements Disposable {
  readonly #deps: EarlyPodsDeps;
  readonly #options: Required<EarlyPodsOptions>;
  readonly #cgroups = new Map<bigint, { readonly pod: string; readonly state: State }>();
  /** Pods whose time is over, or that are not held at all, by UID: how many cgroups may still be marked. */
  readonly #givenUp = new Map<string, number>();
  readonly #guard: Guard | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #sweeping: NodeJS.Timeout | undefined;
  #seen: bigint;
  #ranLate = 0n;
  /** Late processes that no listener has been told of yet. */
  #late: HeldProcess[] = [];
  #onLate: (processes: readonly HeldProcess[]) => void = (processes) =>
    this.#late.push(...processes);

  constructor(deps: EarlyPodsDeps, options: EarlyPodsOptions, existing: Iterable<PodCgroup>) {
    const { kernel } = deps;
    this.#deps = deps;
    this.#options = { patienceMs: 5_000, ...options };
    this.#seen = kernel.counts().held;
    kernel.begin();
    for (const cgroup of existing) {
      if (cgroup.pod === "") this.place(cgroup, "early");
      else this.#givenUp.set(cgroup.pod, maxMarked);
    }
    if (options.mode !== "hold") return;
    this.#guard = deps.startGuard({
      descriptor: kernel.descriptor,
      longestMs: options.limitMs + guardWaitsMs,
      onLetGo: (process) => this.#giveUp(this.#podOf(process.cgroup), [process]),
    });
    this.#timer = setInterval(() => this.#beat(), beatMs).unref();
    this.#beat();
  }

  /** Called with processes whose time was over, even before this call: they run without their pod's policies. */
  onLate(listener: (processes: readonly HeldProcess[]) => void): void {
    this.#onLate = listener;
    listener(this.#late);
    this.#late = [];
  }

  /**
   * `ready`: the cgroup has its policies from now on. Call `letGo` after the last one.
   * @returns whether it has only now become ready.
   */
  place({ id, pod }: PodCgroup, state: "early" | "ready"): boolean {
    const { kernel } = this.#deps;
    const now = pod === "" ? "holder of pods" : state;
    const before = this.#cgroups.get(id)?.state;
    // A pod that the operator no longer announces is about to end.
    if (before === now || (before === "ready" && now === "early")) return false;
    this.#cgroups.set(id, { pod, state: now });
    const nested = this.#options.mode === "hold" ? earlyExec.EARLY_HOLD : earlyExec.EARLY_MARK;
    if (now === "holder of pods") this.#set(id, earlyExec.EARLY_NOTHING, nested);
    else if (now === "ready") kernel.delete(id);
    else this.#markAlone(id, pod);
    return now === "ready";
  }

  /** Lets the processes go whose cgroups are ready. */
  letGo(): void {
    if (this.#options.mode === "hold") this.#sweep();
  }

  remove(cgroup: bigint): void {
    const { pod } = this.#cgroups.get(cgroup) ?? {};
    this.#cgroups.delete(cgroup);
    this.#givenUp.delete(unknownPod(cgroup));
    if (pod === undefined || !this.#givenUp.has(pod)) return;
    for (const other of this.#cgroups.values()) if (other.pod === pod) return;
    this.#givenUp.delete(pod);
  }

  counts(): EarlyCounts {
    const { held, early } = this.#deps.kernel.counts();
    const heldNow = this.#deps.kernel.held().length;
    const { mode, limitMs } = this.#options;
    return { mode, limitMs, heldNow, held, ranEarly: early + this.#ranLate };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    clearTimeout(this.#sweeping);
    this.#deps.kernel.end();
    this.#guard?.[Symbol.dispose]();
  }

  /** Processes of the pod run by now and may make any number of cgroups. */
  #markAlone(cgroup: bigint, pod: string): void {
    const left = this.#givenUp.get(pod) ?? 0;
    if (left === 0) return;
    this.#givenUp.set(pod, left - 1);
    this.#set(cgroup, earlyExec.EARLY_MARK, earlyExec.EARLY_NOTHING);
  }

  /** Where there is no room to mark it, a cgroup is not held either. */
  #set(cgroup: bigint, own: number, nested: number): void {
    try {
      this.#deps.kernel.set(cgroup, own, nested);
    } catch (error) {
      this.#deps.kernel.delete(cgroup);
      this.#deps.logger.error("Processes of a cgroup cannot be held or marked as early", { error });
    }
  }

  #wake(held: HeldProcess): void {
    try {
      this.#deps.kernel.letGo(held);
    } catch (error) {
      this.#deps.logger.error("A held process cannot be let go", { pid: held.pid, error });
    }
  }

  #beat(): void {
    const { kernel } = this.#deps;
    kernel.holdFor(this.#guard?.isRunning ? this.#options.patienceMs : 0);
    const { held } = kernel.counts();
    if (held !== this.#seen) this.#sweep();
    this.#seen = held;
  }

  /** Lets go all whose cgroup is ready or whose time is over; comes again when the next one's is. */
  #sweep(): void {
    clearTimeout(this.#sweeping);
    const { kernel } = this.#deps;
    const waiting = new Map<string, HeldProcess[]>();
    for (const held of kernel.held()) {
      const pod = this.#podOf(held.cgroup);
      if (!this.#isEarly(held.cgroup)) this.#wake(held);
      else waiting.set(pod, [...(waiting.get(pod) ?? []), held]);
    }
    let nextMs = mostTimerMs;
    for (const [pod, processes] of waiting) {
      const first = processes.reduce((a, b) => (a.since < b.since ? a : b)).since;
      const leftMs = this.#options.limitMs - Number(process.hrtime.bigint() - first) / 1e6;
      if (leftMs <= 0 || this.#givenUp.has(pod)) {
        this.#giveUp(pod, processes);
        for (const held of processes) this.#wake(held);
      } else nextMs = Math.min(nextMs, leftMs);
    }
    if (waiting.size > 0)
      this.#sweeping = setTimeout(() => this.#sweep(), Math.ceil(nextMs)).unref();
  }

  #podOf(cgroup: bigint): string {
    return this.#cgroups.get(cgroup)?.pod ?? unknownPod(cgroup);
  }

  #isEarly(cgroup: bigint): boolean {
    return (this.#cgroups.get(cgroup)?.state ?? "early") === "early";
  }

  /** These processes run without the policies of their pod, or are about to; so will all later ones. */
  #giveUp(pod: string, processes: readonly HeldProcess[]): void {
    const { logger } = this.#deps;
    const cgroups = new Set(
      processes.map(({ cgroup }) => cgroup).filter((id) => this.#isEarly(id)),
    );
    for (const [id, known] of this.#cgroups)
      if (known.pod === pod && known.state === "early") cgroups.add(id);
    for (const id of cgroups) this.#set(id, earlyExec.EARLY_MARK, earlyExec.EARLY_NOTHING);
    this.#ranLate += BigInt(processes.length);
    this.#onLate(processes);
    if (this.#givenUp.has(pod)) return;
    this.#givenUp.set(pod, maxMarked);
    logger.warn("The policies of a pod did not arrive in time; its processes run without them", {
      pod,
      processes: processes.length,
      limitMs: this.#options.limitMs,
    });
  }
}

/** In place of a UID, for a cgroup of which no record has arrived yet. */
const unknownPod = (cgroup: bigint) => `cgroup ${cgroup}`;
