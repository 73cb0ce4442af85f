// SPDX-License-Identifier: Apache-2.0
import type { Workload } from "../workload/workload.ts";
import { createExecIds, type ProcessKey } from "./exec-id.ts";
import { ProcessEntry, type ProcessImage } from "./process-entry.ts";
import { processFlag } from "./process-flags.ts";

type ProcessTableOptions = {
  readonly nodeName: string;
  /** The most entries, including those of ended processes. */
  readonly maxEntries: number;
  /** How long an ended process that nothing refers to stays available, in ms. */
  readonly retentionMs?: number;
  readonly now?: () => number;
  /** Wall-clock time of a start. */
  readonly wallTime: (
    low: number,
    high: number,
  ) => { readonly seconds: number; readonly nanos: number };
};

/** A process image as a record describes it; the rest comes from the table. */
type NewProcess = ProcessImage;

type ProcessTableCounters = {
  size: number;
  alive: number;
  /** Removed for lack of room although events could still have named them. */
  evicted: number;
  /** Named by a record, but never announced: shown with the flag `unknown`. */
  missed: number;
};

/** Characters of arguments that every process may keep; all longer ones together may keep `total`. */
const longArguments = { each: 4096, total: 16 * 1024 * 1024 };

/**
 * All processes that events may name, by pid and start. An entry is kept while its process lives or is
 * another entry's parent, and for a while after that, because records may arrive late; at most `maxEntries`
 * are kept.
 */
export class ProcessTable {
  readonly counters: ProcessTableCounters = { size: 0, alive: 0, evicted: 0, missed: 0 };
  readonly #options: Required<ProcessTableOptions>;
  /** The newest image of each pid. */
  readonly #byPid = new Map<number, ProcessEntry>();
  /** Ended processes without children, in the order in which they became so. */
  #retired: { entry: ProcessEntry; atMs: number }[] = [];
  #retiredFrom = 0;
  readonly #execId: (key: ProcessKey) => string;
  #long: ProcessEntry[] = [];
  #longTotal = 0;

  constructor(options: ProcessTableOptions) {
    this.#options = { retentionMs: 30_000, now: Date.now, ...options };
    this.#execId = createExecIds(options.nodeName);
  }

  /** hot: the entry of a process image, if known (bench/event-encoding). */
  find(pid: number, startLow: number, startHigh: number): ProcessEntry | undefined {
    let entry = this.#byPid.get(pid);
    // The newest is first: of a process that has run many programs, a new one is not looked for among all of them.
    if (entry !== undefined && isBefore(entry, startLow, startHigh)) return undefined;
    while (entry !== undefined && (entry.startLow !== startLow || entry.startHigh !== startHigh))
      entry = entry.older;
    return entry;
  }

  /** Adds an image, or replaces a known one. `parent.pid` 0 with start 0: none. */
  add(image: NewProcess, parentKey: ProcessKey): ProcessEntry {
    const known = this.find(image.pid, image.startLow, image.startHigh);
    const parent = this.#parentOf(parentKey);
    // Before the known one goes, which may be all that keeps the parent.
    if (parent !== undefined) parent.children++;
    if (known !== undefined) this.#unlink(known);
    const { seconds, nanos } = this.#options.wallTime(image.startLow, image.startHigh);
    const entry = new ProcessEntry(image, {
      execId: this.#execId(image),
      seconds,
      nanos,
      parent,
      parentExecId: parent?.execId ?? "",
    });
    this.#link(entry);
    if (entry.arguments.length > longArguments.each) this.#keepLong(entry);
    this.#shrink();
    return entry;
  }

  /**
   * Adds a process that never called exec: a copy of its parent's image. Also the substitute for a process of
   * which only the key is known.
   */
  addClone(
    key: ProcessKey,
    parentKey: ProcessKey,
    what: { uid: number; flags: number },
  ): ProcessEntry {
    const parent = this.#parentOf(parentKey);
    if (parent === undefined) return this.addUnknown(key, parentKey, what);
    const same = parent.flags & (processFlag.unknown | processFlag.beforePolicies);
    return this.add(
      {
        ...pick(key),
        uid: what.uid,
        auid: parent.auid,
        cwd: parent.cwd,
        binary: parent.binary,
        arguments: parent.arguments,
        flags: processFlag.execve | what.flags | same,
        isClone: true,
        workload: parent.workload,
        capabilities: parent.capabilities,
        namespaces: parent.namespaces,
        credentials: parent.credentials,
      },
      parentKey,
    );
  }

  /** Adds a process whose describing record is missing. */
  addUnknown(
    key: ProcessKey,
    parentKey: ProcessKey,
    what: { uid: number; flags: number },
  ): ProcessEntry {
    this.counters.missed++;
    return this.add(unknownImage(key, what.uid, what.flags | processFlag.unknown), parentKey);
  }

  /** The image has ended: its process exited, or called exec again. */
  end(entry: ProcessEntry): void {
    if (!entry.alive) return;
    entry.alive = false;
    entry.endedMs = this.#options.now();
    this.counters.alive--;
    entry.dropEncoded();
    if (entry.children === 0) this.#retire(entry);
  }

  /** Removes entries that have been retired long enough; call it now and then. */
  collect(): void {
    const before = this.#options.now() - this.#options.retentionMs;
    while (this.#retiredFrom < this.#retired.length) {
      const next = this.#retired[this.#retiredFrom];
      if (next === undefined || next.atMs > before) break;
      this.#takeRetired();
    }
  }

  *entries(): Iterable<ProcessEntry> {
    for (const newest of this.#byPid.values())
      for (let entry: ProcessEntry | undefined = newest; entry !== undefined; entry = entry.older)
        yield entry;
  }

  /** More is known about the workloads of processes. */
  replaceWorkloads(replaced: ReadonlyMap<Workload, Workload>): void {
    for (const entry of this.entries())
      entry.workload = replaced.get(entry.workload) ?? entry.workload;
  }

  #parentOf(key: ProcessKey): ProcessEntry | undefined {
    if (key.pid === 0) return this.#kernel();
    const known = this.find(key.pid, key.startLow, key.startHigh);
    if (known !== undefined) return known;
    if (key.startLow === 0 && key.startHigh === 0) return undefined;
    this.counters.missed++;
    const { seconds, nanos } = this.#options.wallTime(key.startLow, key.startHigh);
    const entry = new ProcessEntry(unknownImage(key, 0, processFlag.unknown), {
      execId: this.#execId(key),
      seconds,
      nanos,
      parent: undefined,
      parentExecId: "",
    });
    this.#link(entry);
    // No record will report its end: it stays as long as its children do.
    entry.alive = false;
    this.counters.alive--;
    return entry;
  }

  /** Pid 0, the parent of the first process and of the first kernel thread. */
  #kernel(): ProcessEntry {
    const known = this.#byPid.get(0);
    if (known !== undefined) return known;
    const key = { pid: 0, startLow: 1, startHigh: 0 };
    const { seconds, nanos } = this.#options.wallTime(1, 0);
    const image = { ...unknownImage(key, 0, processFlag.procFS), binary: "<kernel>" };
    const entry = new ProcessEntry(image, {
      execId: this.#execId(key),
      seconds,
      nanos,
      parent: undefined,
      parentExecId: "",
    });
    this.#link(entry);
    return entry;
  }

  #link(entry: ProcessEntry): void {
    const newest = this.#byPid.get(entry.pid);
    const isNewer = newest === undefined || compareStart(entry, newest) >= 0;
    if (isNewer) {
      entry.older = newest;
      this.#byPid.set(entry.pid, entry);
    } else {
      entry.older = newest.older;
      newest.older = entry;
    }
    this.counters.size++;
    this.counters.alive++;
  }

  /** Removes it, and those above it that waited only for it. */
  #unlink(entry: ProcessEntry): void {
    const before = this.#options.now() - this.#options.retentionMs;
    for (let next: ProcessEntry | undefined = entry; next !== undefined; ) {
      this.#unlinkOne(next);
      const parent: ProcessEntry | undefined = next.parent;
      next = undefined;
      if (parent === undefined || --parent.children > 0 || parent.alive || parent.removed) return;
      if (parent.endedMs <= before) next = parent;
      else this.#retire(parent);
    }
  }

  #unlinkOne(entry: ProcessEntry): void {
    entry.removed = true;
    this.counters.size--;
    if (entry.alive) this.counters.alive--;
    const newest = this.#byPid.get(entry.pid);
    if (newest === entry) {
      if (entry.older === undefined) this.#byPid.delete(entry.pid);
      else this.#byPid.set(entry.pid, entry.older);
    } else {
      let at = newest;
      while (at !== undefined && at.older !== entry) at = at.older;
      if (at !== undefined) at.older = entry.older;
    }
  }

  #retire(entry: ProcessEntry): void {
    this.#retired.push({ entry, atMs: this.#options.now() });
  }

  #takeRetired(): void {
    const next = this.#retired[this.#retiredFrom++];
    if (this.#retiredFrom > 1024 && this.#retiredFrom * 2 > this.#retired.length) {
      this.#retired = this.#retired.slice(this.#retiredFrom);
      this.#retiredFrom = 0;
    }
    // It may have got a child since.
    if (next !== undefined && !next.entry.removed && next.entry.children === 0)
      this.#unlink(next.entry);
  }

  #shrink(): void {
    const { maxEntries } = this.#options;
    while (this.counters.size > maxEntries) {
      this.counters.evicted++;
      if (this.#retiredFrom < this.#retired.length) {
        this.#takeRetired();
        continue;
      }
      const oldest = this.#oldest();
      if (oldest === undefined) return;
      this.#unlink(oldest);
    }
  }

  /** Only living processes and their ancestors are left: returns an early one without children. */
  #oldest(): ProcessEntry | undefined {
    let first: ProcessEntry | undefined;
    let steps = 0;
    for (const entry of this.#byPid.values()) {
      first ??= entry;
      if (entry.children === 0) return entry;
      if (++steps === 64) break;
    }
    return first;
  }

  /** The total of long arguments is limited: the oldest are cut first. */
  #keepLong(entry: ProcessEntry): void {
    this.#long.push(entry);
    this.#longTotal += entry.arguments.length;
    while (this.#longTotal > longArguments.total) {
      const oldest = this.#long.shift();
      if (oldest === undefined) return;
      this.#longTotal -= oldest.arguments.length;
      oldest.cutArguments(longArguments.each);
    }
  }
}

const pick = ({ pid, startLow, startHigh }: ProcessKey) => ({ pid, startLow, startHigh });

function unknownImage(key: ProcessKey, uid: number, flags: number) {
  return {
    ...pick(key),
    uid,
    auid: 0xffff_ffff,
    cwd: "",
    binary: "",
    arguments: "",
    flags,
    workload: { containerId: "", pod: undefined },
  };
}

function compareStart(a: ProcessKey, b: ProcessKey): number {
  return a.startHigh - b.startHigh || a.startLow - b.startLow;
}

const isBefore = (entry: ProcessEntry, startLow: number, startHigh: number): boolean =>
  entry.startHigh < startHigh || (entry.startHigh === startHigh && entry.startLow < startLow);
