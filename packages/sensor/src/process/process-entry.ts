// SPDX-License-Identifier: Apache-2.0
import type {
  BinaryProperties,
  Capabilities,
  Namespaces,
  ProcessCredentials,
  ProcessPart,
  Session,
} from "@gander/proto";
import type { LineBuffer } from "../text/line-buffer.ts";
import { noWorkload, type Workload } from "../workload/workload.ts";
import { maybeExecProbe } from "./exec-probe.ts";
import {
  encodeJsonParts,
  encodeJsonTail,
  encodeProtoParts,
  encodeProtoTail,
  type JsonParts,
  type ProtoParts,
  writeJsonParts,
  writeJsonProcess,
} from "./process-encoding.ts";
import { processFlag } from "./process-flags.ts";

/** A process image as a record describes it. */
export type ProcessImage = {
  readonly pid: number;
  readonly startLow: number;
  readonly startHigh: number;
  /** In its own pid namespace; absent or 0: unknown. */
  readonly nsPid?: number;
  /** Effective. */
  readonly uid: number;
  readonly auid: number;
  readonly cwd: string;
  readonly binary: string;
  readonly arguments: string;
  readonly flags: number;
  readonly isClone?: boolean;
  readonly workload: Workload;
  readonly capabilities?: Capabilities | undefined;
  readonly namespaces?: Namespaces | undefined;
  readonly credentials?: ProcessCredentials | undefined;
};

/** The fields that the table adds. */
type ProcessIdentity = {
  readonly execId: string;
  /** Start as wall-clock time. */
  readonly seconds: number;
  readonly nanos: number;
  readonly parentExecId: string;
  readonly parent: ProcessEntry | undefined;
};

const keepWhenShown = 2;

/**
 * One process image in the table. Its encoded parts are made on first use, and dropped when something changes
 * or the process ends, because they are most of its memory.
 */
export class ProcessEntry implements ProcessPart {
  readonly pid: number;
  readonly startLow: number;
  readonly startHigh: number;
  readonly nsPid: number;
  readonly execId: string;
  readonly seconds: number;
  readonly nanos: number;
  readonly parentExecId: string;
  readonly parent: ProcessEntry | undefined;
  readonly uid: number;
  readonly auid: number;
  readonly cwd: string;
  readonly binary: string;
  readonly capabilities: Capabilities | undefined;
  readonly namespaces: Namespaces | undefined;
  readonly credentials: ProcessCredentials | undefined;
  /** An earlier image of the same pid. */
  older: ProcessEntry | undefined = undefined;
  /** Entries in the table whose parent this is. */
  children = 0;
  alive = true;
  /** By the table's clock; 0 while it lives. */
  endedMs = 0;
  /** Removed from the table: freed once nothing refers to it. */
  removed = false;
  /** Results of filters for it, by the filter's number. */
  filterResults: Map<number, boolean> | undefined = undefined;
  readonly #isClone: boolean;
  #arguments: string;
  #flags: number;
  #workload: Workload = noWorkload;
  #session: Session | undefined;
  #binaryProperties: BinaryProperties | undefined = undefined;
  #json: JsonParts | undefined = undefined;
  #shown = 0;
  #version = 0;
  #proto: ProtoParts | undefined = undefined;

  constructor(image: ProcessImage, identity: ProcessIdentity) {
    this.pid = image.pid;
    this.startLow = image.startLow;
    this.startHigh = image.startHigh;
    this.nsPid = image.nsPid ?? 0;
    this.execId = identity.execId;
    this.seconds = identity.seconds;
    this.nanos = identity.nanos;
    this.parentExecId = identity.parentExecId;
    this.parent = identity.parent;
    this.uid = image.uid;
    this.auid = image.auid;
    this.cwd = image.cwd;
    this.binary = image.binary;
    this.capabilities = image.capabilities;
    this.namespaces = image.namespaces;
    this.credentials = image.credentials;
    this.#isClone = image.isClone === true;
    this.#arguments = image.arguments;
    this.#flags = image.flags;
    this.#workload = image.workload;
    this.#session = identity.parent?.session;
  }

  get arguments(): string {
    return this.#arguments;
  }

  get flags(): number {
    return this.#flags;
  }

  get workload(): Workload {
    return this.#workload;
  }

  set workload(workload: Workload) {
    if (workload === this.#workload) return;
    this.#workload = workload;
    this.#changed();
  }

  /** How it came into its container from outside, if it did: at first its parent's. All its tree has the same object. */
  get session(): Session | undefined {
    return this.#session;
  }

  set session(session: Session | undefined) {
    if (session === this.#session) return;
    this.#session = session;
    this.#changed();
  }

  /** It was forked and has not called exec. */
  get isClone(): boolean {
    return this.#isClone;
  }

  get maybeExecProbe(): boolean {
    return maybeExecProbe(this);
  }

  get inInitTree(): boolean {
    return (this.#flags & processFlag.inInitTree) !== 0;
  }

  /** The table's references to it: itself while it lives, and one for each child. */
  get refcnt(): number {
    return this.children + (this.alive && this.#binaryProperties === undefined ? 1 : 0);
  }

  /** Present only while the exec event is made. */
  get binaryProperties(): BinaryProperties | undefined {
    return this.#binaryProperties;
  }

  set binaryProperties(properties: BinaryProperties | undefined) {
    if (properties === this.#binaryProperties) return;
    this.#binaryProperties = properties;
    this.#version++;
    // The other encoded parts stay valid.
    if (this.#json !== undefined) this.#json = { ...this.#json, tail: encodeJsonTail(this) };
    if (this.#proto !== undefined) this.#proto = { ...this.#proto, tail: encodeProtoTail(this) };
  }

  /** Adds bits of processFlag: more is known about it. */
  addFlags(flags: number): void {
    if ((this.#flags & flags) === flags) return;
    this.#flags |= flags;
    this.#changed();
  }

  /** Keeps the first `length` characters of the arguments and flags that. */
  cutArguments(length: number): void {
    if (this.#arguments.length <= length) return;
    // Copied, so that a slice does not keep the long text in memory.
    this.#arguments = Buffer.from(this.#arguments.slice(0, length)).toString();
    this.#flags |= processFlag.truncArgs;
    this.#changed();
  }

  /** Drops everything that can be made again. */
  dropEncoded(): void {
    this.#changed();
  }

  get json(): JsonParts {
    this.#json ??= encodeJsonParts(this);
    return this.#json;
  }

  /** Changes whenever the encoded process does, except for refcnt. */
  get version(): number {
    return this.#version;
  }

  /**
   * hot: the process as JSON (bench/event-encoding). Most processes are shown twice, at their exec and at
   * their exit: caching their encoding pays off only for those that are shown more often.
   */
  writeJson(line: LineBuffer, tid: number): void {
    if (this.#json === undefined && ++this.#shown > keepWhenShown)
      this.#json = encodeJsonParts(this);
    if (this.#json === undefined) writeJsonProcess(line, this, tid);
    else writeJsonParts(line, this.#json, this.refcnt, tid);
  }

  get protoHead(): Uint8Array {
    return this.#protoParts().head;
  }

  get protoMiddle(): Uint8Array {
    return this.#protoParts().middle;
  }

  get protoTail(): Uint8Array {
    return this.#protoParts().tail;
  }

  #protoParts(): ProtoParts {
    this.#proto ??= encodeProtoParts(this);
    return this.#proto;
  }

  #changed(): void {
    this.#json = undefined;
    this.#version++;
    this.#proto = undefined;
    this.filterResults = undefined;
  }
}
