// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { type AttachPoint, attachPointOf, attachProgram } from "./attach.ts";
import { argumentError } from "./bpf-error.ts";
import { checked, Handle } from "./handle.ts";
import { type AttachType, nameOf, type ProgramType, programTypes } from "./kernel-names.ts";
import { BpfLink } from "./link.ts";
import { type NativeFd, type NativeProgramInfo, native } from "./native.ts";
import { pinTo } from "./pin.ts";

export interface ProgramInfo extends Omit<NativeProgramInfo, "type"> {
  readonly type: ProgramType | `#${number}`;
}

/** Facts about a program that the kernel doesn't report: known from the object, or given on adoption. */
export interface ProgramOrigin {
  /** The full name: the kernel keeps 15 characters. */
  readonly name?: string;
  /** Its section, for attach() without a place: "kprobe/tcp_connect". */
  readonly section?: string;
  readonly attachType?: AttachType | undefined;
}

export interface TestRunOptions {
  /** The program's context, for the types that take one. */
  readonly context?: Uint8Array;
  /** A packet, for the types that take one. */
  readonly data?: Uint8Array;
  /** How much of the packet to give back. */
  readonly outBytes?: number;
  readonly repeat?: number;
  /** Runs on this CPU (raw tracepoints). */
  readonly cpu?: number;
}

// linux/bpf.h: BPF_F_TEST_RUN_ON_CPU
const testRunOnCpu = 1;

/** A loaded program. It lives on in the kernel while it is attached or pinned. */
export class BpfProgram implements Disposable {
  readonly name: string;
  readonly section: string;
  readonly attachType: AttachType | undefined;
  readonly #handle: Handle;

  private constructor(fd: NativeFd, name: string, origin: ProgramOrigin) {
    this.name = name;
    this.section = origin.section ?? "";
    this.attachType = origin.attachType;
    this.#handle = new Handle(fd, `program "${name}"`);
  }

  /** Takes over a handle of the native part. */
  static fromFd(fd: NativeFd, origin: ProgramOrigin = {}): BpfProgram {
    const name =
      origin.name ??
      checked(native().programInfo(fd), "program info", "Cannot read a program").name;
    return new BpfProgram(fd, name, origin);
  }

  /** What is pinned at a path of the bpf file system. */
  static fromPin(path: string, origin: ProgramOrigin = {}): BpfProgram {
    const fd = native().objGet(path, "prog");
    return BpfProgram.fromFd(checked(fd, "open pin", `Cannot open program ${path}`), origin);
  }

  /** By the kernel's id (CAP_SYS_ADMIN). */
  static fromId(id: number, origin: ProgramOrigin = {}): BpfProgram {
    const fd = checked(native().fdById(0, id), "open id", `Cannot open program ${id}`);
    return BpfProgram.fromFd(fd, origin);
  }

  get fd(): NativeFd {
    return this.#handle.fd;
  }

  get closed(): boolean {
    return this.#handle.closed;
  }

  /** Run counts and times only while statistics are on: see enableStatistics(). */
  info(): ProgramInfo {
    const { type, ...rest } = checked(
      native().programInfo(this.fd),
      "program info",
      `Cannot read program "${this.name}"`,
    );
    return { ...rest, type: nameOf(programTypes, type) };
  }

  mapIds(): number[] {
    return checked(
      native().programMapIds(this.fd),
      "program info",
      `Cannot read program "${this.name}"`,
    );
  }

  /** Bytes of kernel memory, as /proc/self/fdinfo has them. */
  memoryBytes(): number {
    const info = readFileSync(`/proc/self/fdinfo/${this.#handle.number}`, "utf8");
    return Number(/^memlock:\s*(\d+)/m.exec(info)?.[1] ?? Number.NaN);
  }

  /** Without a point: to the one that its section names. */
  attach(point?: AttachPoint): BpfLink {
    const place = point ?? attachPointOf(this.section);
    if (place === undefined)
      throw argumentError(
        `Cannot attach program "${this.name}": its section "${this.section}" names no place.`,
        'Say where: attach({ kind: "kprobe", function: "…" })',
      );
    return BpfLink.fromFd(attachProgram(this, place), `program "${this.name}"`);
  }

  /** Runs it once, or more often, without an event; only some types can. */
  testRun(options: TestRunOptions = {}): { returnValue: number; durationNs: number; data: Buffer } {
    const { context = null, data = null, outBytes = 0, repeat = 0, cpu } = options;
    const flags = cpu === undefined ? 0 : testRunOnCpu;
    return checked(
      native().programTestRun(this.fd, context, data, outBytes, repeat, flags, cpu ?? 0),
      "test run",
      `Cannot run program "${this.name}"`,
    );
  }

  /** Keeps it in the kernel after all processes are gone. Fails with EEXIST. */
  pin(path: string): void {
    pinTo(this.fd, path, this.#handle.what);
  }

  /** Another handle of the same program, closed by itself. */
  clone(): BpfProgram {
    const what = `Cannot duplicate program "${this.name}"`;
    return new BpfProgram(
      checked(native().fdDuplicate(this.fd), "duplicate", what),
      this.name,
      this,
    );
  }

  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.#handle.dispose();
  }
}
