// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { BpfError } from "./bpf-error.ts";

declare const brand: unique symbol;

/** A file descriptor held by the native part. */
export interface NativeFd {
  readonly [brand]: "fd";
}

/** A struct bpf_object of libbpf. */
export interface NativeObject {
  readonly [brand]: "object";
}

export interface NativePoll {
  readonly [brand]: "poll";
}

/** A negated errno in the place of a result. */
export type Errno = number;
type Bytes = Uint8Array | null;
type Text = string | null;

export interface NativeMapDeclaration {
  readonly name: string;
  readonly section: Text;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly autocreate: boolean;
  readonly pinPath: Text;
  readonly initialValue: Bytes;
}

export interface NativeProgramDeclaration {
  readonly name: string;
  readonly section: string;
  readonly type: number;
  readonly expectedAttachType: number;
  readonly autoload: boolean;
  readonly instructions: number;
}

export interface NativeHeldFile {
  readonly fd: NativeFd;
  readonly version: string;
  readonly path: string;
  readonly refusal?: never;
}

/** native/walk.h: struct walk_refusal */
export interface FileRefusal {
  readonly isLink: boolean;
  readonly user: number;
  readonly owner: number;
  readonly by: string;
  readonly file: string;
}

/** The exports of native/*.c; comments there say what each does. */
export interface Native {
  fdNumber(fd: NativeFd): number;
  fdDuplicate(fd: NativeFd): NativeFd | Errno;
  fdClose(fd: NativeFd): number;
  fdCloseAsync(fd: NativeFd): Promise<number>;

  fileHold(
    root: string,
    path: string,
    ownOnly: boolean,
    patienceMs: number,
  ): Promise<NativeHeldFile | { readonly refusal: FileRefusal } | Errno>;
  takeLog(): string;

  objectOpen(bytes: Uint8Array, name: string, pinRoot: Text): NativeObject | Errno;
  objectLoad(object: NativeObject): number;
  objectClose(object: NativeObject): void;
  objectDescribe(object: NativeObject): {
    readonly maps: readonly NativeMapDeclaration[];
    readonly programs: readonly NativeProgramDeclaration[];
    readonly btf: Bytes;
  };
  objectSetMap(object: NativeObject, map: string, field: number, value: number): number;
  objectSetInitialValue(object: NativeObject, map: string, value: Uint8Array): number;
  objectSetPinPath(object: NativeObject, map: string, path: Text): number;
  objectReuseMap(object: NativeObject, map: string, other: NativeFd): number;
  objectSetInnerMap(object: NativeObject, map: string, inner: NativeFd): number;
  objectSetAutoload(object: NativeObject, program: string, autoload: boolean): number;
  objectSetProgramType(
    object: NativeObject,
    program: string,
    type: number,
    attachType: number,
  ): number;
  objectSetAttachTarget(
    object: NativeObject,
    program: string,
    target: string | number,
    owner: NativeFd | null,
  ): number;
  objectMap(object: NativeObject, map: string): NativeFd | Errno;
  objectProgram(object: NativeObject, program: string): NativeFd | Errno;
  cloneProgram(
    object: NativeObject,
    program: string,
    name: string,
    attachType: number,
    btfId: number,
    btfObject: NativeFd | null,
    mapNames: readonly string[],
    maps: readonly NativeFd[],
    helper: number,
    other: number,
  ): NativeFd | Errno;

  programInfo(program: NativeFd): NativeProgramInfo | Errno;
  programMapIds(program: NativeFd): number[] | Errno;
  programTestRun(
    program: NativeFd,
    context: Bytes,
    data: Bytes,
    outBytes: number,
    repeat: number,
    flags: number,
    cpu: number,
  ): NativeTestRun | Errno;
  pin(fd: NativeFd, path: string): number;
  objGet(path: string, kind: "map" | "prog" | "link"): NativeFd | Errno;
  fdById(space: number, id: number): NativeFd | Errno;
  nextId(space: number, id: number): number;
  btfName(btf: NativeFd): string | Errno;

  mapCreate(
    type: number,
    name: string,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    flags: number,
    inner: NativeFd | null,
  ): NativeFd | Errno;
  mapInfo(map: NativeFd): NativeMapInfo | Errno;
  mapLookup(map: NativeFd, key: Bytes, value: Uint8Array, flags: number): number;
  mapTake(map: NativeFd, key: Bytes, value: Uint8Array): number;
  mapUpdate(map: NativeFd, key: Bytes, value: Uint8Array, flags: number): number;
  mapUpdateFd(map: NativeFd, key: Uint8Array, other: NativeFd): number;
  mapDelete(map: NativeFd, key: Uint8Array): number;
  mapNextKey(map: NativeFd, key: Bytes, next: Uint8Array): number;
  mapBatch(
    map: NativeFd,
    kind: number,
    tokenIn: Bytes,
    tokenOut: Bytes,
    keys: Uint8Array,
    values: Bytes,
    count: number,
    flags: number,
  ): { readonly error: number; readonly count: number };
  mapFreeze(map: NativeFd): number;
  possibleCpus(): number;

  memoryMap(map: NativeFd, offset: number, size: number, writable: boolean): ArrayBuffer | Errno;
  memoryDetach(buffer: ArrayBuffer): void;
  memoryTrim(): void;
  pageSize(): number;
  pollStart(map: NativeFd, onReadable: (status: number) => void): NativePoll | Errno;
  pollStop(poll: NativePoll): void;
  pollListen(poll: NativePoll, whether: boolean): number;
  pollKeepAlive(poll: NativePoll, keep: boolean): void;

  linkTracing(program: NativeFd, attachType: number, cookie: bigint): NativeFd | Errno;
  linkRawTracepoint(program: NativeFd, name: string, cookie: bigint): NativeFd | Errno;
  linkCgroup(program: NativeFd, cgroup: number, attachType: number): NativeFd | Errno;
  linkPerf(program: NativeFd, event: NativeFd, cookie: bigint): NativeFd | Errno;
  linkKprobeMulti(
    program: NativeFd,
    symbols: readonly string[] | null,
    addresses: BigUint64Array | null,
    cookies: BigUint64Array | null,
    flags: number,
  ): NativeFd | Errno;
  linkUprobeMulti(
    program: NativeFd,
    path: string,
    offsets: BigUint64Array,
    counters: BigUint64Array | null,
    cookies: BigUint64Array | null,
    pid: number,
    flags: number,
  ): NativeFd | Errno;
  linkIterator(program: NativeFd, map: NativeFd | null, tid: number, pid: number): NativeFd | Errno;
  iteratorCreate(link: NativeFd): NativeFd | Errno;
  iteratorRead(iterator: NativeFd, bytes: Uint8Array): number;
  linkUpdate(link: NativeFd, program: NativeFd): number;
  linkDetach(link: NativeFd): number;
  linkInfo(link: NativeFd): NativeLinkInfo | Errno;
  perfOpen(type: number, config: bigint, name: Text, offset: bigint, pid: number): NativeFd | Errno;
  perfOpenMappings(processor: number, mark: bigint): NativeFd | Errno;
  symbolOffset(path: string, name: string): number;

  probeProgramType(type: number): number;
  probeMapType(type: number): number;
  probeHelper(programType: number, helper: number): number;
  probeKprobeMulti(): number;
  enableStats(): NativeFd | Errno;
  enumNames(): {
    readonly programTypes: readonly string[];
    readonly mapTypes: readonly string[];
    readonly attachTypes: readonly string[];
    readonly linkTypes: readonly string[];
    readonly helpers: readonly string[];
    readonly version: string;
  };
}

export interface NativeProgramInfo {
  readonly id: number;
  readonly type: number;
  readonly name: string;
  readonly tag: string;
  readonly translatedBytes: number;
  readonly jitedBytes: number;
  readonly verifiedInstructions: number;
  readonly mapCount: number;
  readonly btfId: number;
  readonly attachBtfObjectId: number;
  readonly attachBtfId: number;
  readonly loadTimeNs: bigint;
  readonly createdByUid: number;
  readonly runCount: bigint;
  readonly runTimeNs: bigint;
  readonly recursionMisses: bigint;
}

export interface NativeTestRun {
  readonly returnValue: number;
  readonly durationNs: number;
  readonly data: Buffer;
}

export interface NativeMapInfo {
  readonly id: number;
  readonly type: number;
  readonly name: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly btfId: number;
  readonly btfKeyTypeId: number;
  readonly btfValueTypeId: number;
}

export interface NativeLinkInfo {
  readonly id: number;
  readonly type: number;
  readonly programId: number;
  readonly attachType?: number;
  readonly targetBtfObjectId?: number;
  readonly targetBtfId?: number;
  readonly cgroupId?: bigint;
  readonly tracepoint?: string;
  readonly functionCount?: number;
  /** Calls that the kprobe missed; of one function since 6.7, of many since 6.6, else absent or 0. */
  readonly missed?: bigint;
  readonly perfType?: number;
}

let loaded: Native | undefined;

/** The native part, loaded at its first use: importing the package needs neither it nor Linux. */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

function load(): Native {
  const path = findAddon();
  const module: { exports: unknown } = { exports: {} };
  try {
    process.dlopen(module, path, constants.dlopen.RTLD_NOW);
  } catch (cause) {
    throw new BpfError("ADDON", `Cannot load ${path}: ${String(cause)}`, { cause });
  }
  return module.exports as Native;
}

/** Beside the sources, or, in a bundle, beside that. GANDER_LIBBPF_ADDON names another place. */
function findAddon(): string {
  const named = process.env.GANDER_LIBBPF_ADDON;
  const candidates =
    named === undefined
      ? ["../build/libbpf.node", "./libbpf.node"].map((path) =>
          fileURLToPath(new URL(path, import.meta.url)),
        )
      : [named];
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new BpfError(
    "ADDON",
    `Cannot find the native part of libbpf at ${candidates.join(", ")}.`,
    {
      hint: "Build it: make -C packages/libbpf/native",
    },
  );
}
