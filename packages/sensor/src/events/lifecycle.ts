// SPDX-License-Identifier: Apache-2.0
import { eventKind } from "@gander/proto";
import { namespaceKind, recordFlags } from "../link/abi.gen.ts";
import {
  binaryPropertiesMessage,
  capabilitiesMessage,
  credentialsMessage,
  type NamespaceIds,
  namespacesMessage,
} from "../process/process-details.ts";
import type { ProcessEntry, ProcessImage } from "../process/process-entry.ts";
import { processFlag } from "../process/process-flags.ts";
import type { ProcessTable } from "../process/process-table.ts";
import type { Sessions } from "../process/sessions.ts";
import type { RecordOffsets } from "../records/record-layouts.ts";
import type { RecordReader } from "../records/record-reader.ts";
import { signalName } from "../records/signal-names.ts";
import { noWorkload, type Workloads } from "../workload/workload.ts";
import { createExecRecord, decodeExec, type ExecRecord, readKey } from "./exec-decoder.ts";
import type { SensorEvent } from "./sensor-event.ts";

export type LifecycleOptions = {
  readonly withCredentials: boolean;
  readonly withNamespaces: boolean;
  readonly hostNamespaces: NamespaceIds;
  /** Removes secrets from the arguments. */
  readonly redact: (binary: string, args: string) => string;
};

/** Turns records about processes into table entries and events. */
export type Lifecycle = {
  /** RECORD_EXEC and RECORD_TASK. After `publish` has handled the event, call `afterExec`. */
  exec(reader: RecordReader, event: SensorEvent): void;
  afterExec(event: SensorEvent): void;
  /** RECORD_CLONE: no event. */
  clone(reader: RecordReader): void;
  /** After `publish` has handled the event, call `afterExit`. */
  exit(reader: RecordReader, event: SensorEvent): void;
  afterExit(event: SensorEvent): void;
  /** The process of a record; if unknown, made from what the record contains. */
  processOf(reader: RecordReader): ProcessEntry;
};

type Details = Pick<ProcessImage, "capabilities" | "credentials" | "namespaces">;

const noDetails: Details = {};

type LifecycleDeps = {
  readonly table: ProcessTable;
  readonly offsets: RecordOffsets;
  readonly workloads: Workloads;
  readonly sessions: Pick<Sessions, "began">;
};

export function createLifecycle(deps: LifecycleDeps, options: LifecycleOptions): Lifecycle {
  return new ProcessLifecycle(deps, options);
}

class ProcessLifecycle implements Lifecycle {
  readonly #table: ProcessTable;
  readonly #offsets: RecordOffsets;
  readonly #workloads: Workloads;
  readonly #sessions: LifecycleDeps["sessions"];
  readonly #options: LifecycleOptions;
  /** Reused for each record. */
  readonly #record = createExecRecord();

  constructor({ table, offsets, workloads, sessions }: LifecycleDeps, options: LifecycleOptions) {
    this.#table = table;
    this.#offsets = offsets;
    this.#workloads = workloads;
    this.#sessions = sessions;
    this.#options = options;
  }

  processOf(reader: RecordReader): ProcessEntry {
    const { processPid, processStart } = this.#offsets;
    const pid = reader.u32(processPid);
    const start = reader.u32(processStart);
    return this.#table.find(pid, start, reader.high(processStart)) ?? this.#announce(reader);
  }

  exec(reader: RecordReader, event: SensorEvent): void {
    const record = this.#record;
    const { withCredentials, withNamespaces } = this.#options;
    const wants = withCredentials || withNamespaces ? "details" : "no-details";
    decodeExec(reader, this.#offsets, wants, record);
    const isTask = (record.flags & processFlag.procFS) !== 0;
    const previous = isTask ? undefined : this.#endPrevious(record);
    const isFirstExec = !isTask && (previous === undefined || previous.isClone);
    const cloned = isFirstExec ? processFlag.clone : 0;
    const entry = this.#table.add(this.#imageOf(record, cloned), record.parent);
    this.#sessions.began(entry, previous, record.arguments);
    entry.binaryProperties = isTask ? undefined : binaryPropertiesMessage(record.file);
    event.kind = eventKind.exec;
    event.process = entry;
    event.parent = entry.parent;
    event.tid = entry.pid;
  }

  afterExec({ process }: SensorEvent): void {
    if (process !== undefined) process.binaryProperties = undefined;
  }

  clone(reader: RecordReader): void {
    this.processOf(reader);
  }

  exit(reader: RecordReader, event: SensorEvent): void {
    const entry = this.processOf(reader);
    const status = reader.u32(this.#offsets.exit.status);
    event.kind = eventKind.exit;
    event.process = entry;
    event.parent = entry.parent;
    event.tid = reader.u32(this.#offsets.tid);
    event.signal = signalName(status & 0x7f);
    event.status = (status >>> 8) & 0xff;
  }

  afterExit({ process }: SensorEvent): void {
    if (process !== undefined) this.#table.end(process);
  }

  #announce(reader: RecordReader): ProcessEntry {
    const offsets = this.#offsets;
    const recorded = reader.u16(offsets.flags);
    const key = readKey(reader, offsets.processPid, offsets.processStart);
    const parent = readKey(reader, offsets.parentPid, offsets.parentStart);
    const inInitTree = recorded & recordFlags.RECORD_IN_INIT_TREE ? processFlag.inInitTree : 0;
    const what = { uid: reader.u32(offsets.uid), flags: inInitTree };
    // An exec would have announced the process: if it called exec, its image is lost and not its parent's.
    const lost = recorded & (recordFlags.RECORD_EXECED | recordFlags.RECORD_UNKNOWN_PROCESS);
    const table = this.#table;
    const entry =
      lost === 0 ? table.addClone(key, parent, what) : table.addUnknown(key, parent, what);
    entry.workload = this.#workloads.of(reader.u32(offsets.cgroup), reader.high(offsets.cgroup));
    return entry;
  }

  /** Ends the image that this one replaces, and returns it; undefined: not known, so it came from a fork alone. */
  #endPrevious({ previous }: ExecRecord): ProcessEntry | undefined {
    if (previous.pid === 0) return undefined;
    const before = this.#table.find(previous.pid, previous.startLow, previous.startHigh);
    if (before !== undefined) this.#table.end(before);
    return before;
  }

  #imageOf(record: ExecRecord, cloned: number): ProcessImage {
    const { key, cgroupLow, cgroupHigh } = record;
    const details = this.#detailsOf(record);
    return {
      pid: key.pid,
      startLow: key.startLow,
      startHigh: key.startHigh,
      nsPid: record.nsPid,
      uid: record.uid,
      auid: record.auid,
      cwd: record.cwd,
      binary: record.binary,
      arguments: this.#options.redact(record.binary, record.arguments),
      flags: record.flags | cloned,
      workload: key.pid === 0 ? noWorkload : this.#workloads.of(cgroupLow, cgroupHigh),
      capabilities: details.capabilities,
      credentials: details.credentials,
      namespaces: details.namespaces,
    };
  }

  #detailsOf({ details }: ExecRecord): Details {
    if (details === undefined) return noDetails;
    const { credentials, namespaces } = details;
    const { withCredentials, withNamespaces, hostNamespaces } = this.#options;
    return {
      ...(withCredentials && {
        capabilities: capabilitiesMessage(credentials),
        credentials: credentialsMessage(credentials, hostNamespaces[namespaceKind.NS_USER] ?? 0),
      }),
      ...(withNamespaces && { namespaces: namespacesMessage(namespaces, hostNamespaces) }),
    };
  }
}
