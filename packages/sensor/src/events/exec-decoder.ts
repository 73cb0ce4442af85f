// SPDX-License-Identifier: Apache-2.0
import {
  execFlags,
  namespaceKind,
  recordFlags,
  recordLimits,
  recordType,
  textFlags,
} from "../link/abi.gen.ts";
import { binaryPath } from "../process/binary-path.ts";
import { readArguments } from "../process/command-line.ts";
import type { ProcessKey } from "../process/exec-id.ts";
import type { RawBinary, RawCredentials } from "../process/process-details.ts";
import { processFlag } from "../process/process-flags.ts";
import type { RecordOffsets } from "../records/record-layouts.ts";
import type { RecordReader } from "../records/record-reader.ts";
import { TextCache } from "../text/text-cache.ts";

/** The decoded RECORD_EXEC or RECORD_TASK; reused for the next one. */
export type ExecRecord = {
  readonly key: MutableKey;
  readonly parent: MutableKey;
  /** The image that this one replaces; pid 0: none known. */
  readonly previous: MutableKey;
  /** In its own pid namespace. */
  nsPid: number;
  uid: number;
  auid: number;
  cwd: string;
  binary: string;
  arguments: string;
  /** Bits of processFlag; whether it is the first exec after a fork is unknown here. */
  flags: number;
  cgroupLow: number;
  cgroupHigh: number;
  readonly file: { -readonly [field in keyof RawBinary]: RawBinary[field] };
  /** Absent unless requested. */
  details: ExecDetails | undefined;
};

type MutableKey = { -readonly [field in keyof ProcessKey]: ProcessKey[field] };

type ExecDetails = {
  readonly credentials: RawCredentials;
  readonly namespaces: readonly number[];
};

export function createExecRecord(): ExecRecord {
  const key = () => ({ pid: 0, startLow: 0, startHigh: 0 });
  return {
    ...{ key: key(), parent: key(), previous: key(), nsPid: 0, uid: 0, auid: 0 },
    ...{ cwd: "", binary: "", arguments: "", flags: 0, cgroupLow: 0, cgroupHigh: 0 },
    file: {
      ...{ path: "", inode: 0n, links: 0, setuid: false, setgid: false },
      ...{ fileCapabilities: false, euid: 0, egid: 0 },
    },
    details: undefined,
  };
}

/** hot: in a storm this is half of all records (bench/event-encoding). */
export function decodeExec(
  reader: RecordReader,
  offsets: RecordOffsets,
  wants: "details" | "no-details",
  record: ExecRecord,
): void {
  const { exec, cred } = offsets;
  const flags = reader.u32(exec.flags);
  const texts = readTexts(reader, offsets);
  const isTask = reader.u16(offsets.type) === recordType.RECORD_TASK;
  loadKey(record.key, reader, offsets.processPid, offsets.processStart);
  loadKey(record.parent, reader, offsets.parentPid, offsets.parentStart);
  loadKey(record.previous, reader, exec.previousPid, exec.previousStart);
  record.nsPid = reader.u32(exec.nsPid);
  record.uid = reader.u32(offsets.uid);
  record.auid = reader.u32(cred.auid);
  record.cwd = texts.cwd;
  record.arguments = texts.arguments;
  record.flags = processFlags(reader.u16(offsets.flags), flags, texts, isTask);
  record.cgroupLow = reader.u32(offsets.cgroup);
  record.cgroupHigh = reader.high(offsets.cgroup);
  readBinary(reader, offsets, { flags, texts, isTask }, record);
  record.details = wants === "details" ? readDetails(reader, offsets) : undefined;
}

type BinarySource = { readonly flags: number; readonly texts: Texts; readonly isTask: boolean };

function readBinary(
  reader: RecordReader,
  { exec, cred }: RecordOffsets,
  { flags, texts, isTask }: BinarySource,
  record: ExecRecord,
): void {
  const { file } = record;
  const { path, filename, cwd } = texts;
  const kernelThread = (flags & execFlags.EXEC_KERNEL_THREAD) !== 0;
  record.binary = kernelThread ? `[${filename}]` : binaryPath(isTask ? path : filename, cwd, path);
  const deleted = (texts.pathFlags & textFlags.TEXT_DELETED) !== 0;
  file.path = path !== record.binary || deleted ? path : "";
  file.links = kernelThread ? 1 : reader.u32(exec.links);
  file.inode = file.path !== "" || file.links === 0 ? reader.u64(exec.inode) : 0n;
  file.setuid = (flags & execFlags.EXEC_SETUID) !== 0;
  file.setgid = (flags & execFlags.EXEC_SETGID) !== 0;
  file.fileCapabilities = (flags & execFlags.EXEC_FILE_CAPS) !== 0;
  file.euid = reader.u32(cred.euid);
  file.egid = reader.u32(cred.egid);
}

export function readKey(reader: RecordReader, pid: number, start: number): ProcessKey {
  return { pid: reader.u32(pid), startLow: reader.u32(start), startHigh: reader.high(start) };
}

function loadKey(key: MutableKey, reader: RecordReader, pid: number, start: number): void {
  key.pid = reader.u32(pid);
  key.startLow = reader.u32(start);
  key.startHigh = reader.high(start);
}

type Texts = typeof texts;

const known = new TextCache();
const texts = {
  ...{ path: "", filename: "", cwd: "", arguments: "" },
  ...{ pathFlags: 0, filenameFlags: 0, cwdFlags: 0, argumentFlags: 0 },
};

/** The texts follow the struct, one after the other, in the order of their fields. */
function readTexts(reader: RecordReader, { exec, text }: RecordOffsets): Texts {
  const { buffer, base, length } = reader;
  const afterPath = Math.min(exec.size + reader.u16(exec.path + text.size), length);
  const afterName = Math.min(afterPath + reader.u16(exec.filename + text.size), length);
  const afterCwd = Math.min(afterName + reader.u16(exec.cwd + text.size), length);
  const end = Math.min(afterCwd + reader.u16(exec.arguments + text.size), length);
  texts.path = known.read(buffer, base + exec.size, base + afterPath);
  texts.filename = known.read(buffer, base + afterPath, base + afterName);
  texts.cwd = known.read(buffer, base + afterName, base + afterCwd);
  texts.arguments = readArguments(buffer, base + afterCwd, base + end);
  texts.pathFlags = reader.u16(exec.path + text.flags);
  texts.filenameFlags = reader.u16(exec.filename + text.flags);
  texts.cwdFlags = reader.u16(exec.cwd + text.flags);
  texts.argumentFlags = reader.u16(exec.arguments + text.flags);
  return texts;
}

function processFlags(recorded: number, exec: number, texts: Texts, isTask: boolean): number {
  const { TEXT_TRUNCATED, TEXT_UNREADABLE, TEXT_FORGEABLE } = textFlags;
  const has = (textFlags: number, flag: number, word: number) =>
    (textFlags & flag) === 0 ? 0 : word;
  return (
    (isTask ? processFlag.procFS : processFlag.execve) |
    has(texts.filenameFlags, TEXT_TRUNCATED, processFlag.truncFilename) |
    has(texts.filenameFlags, TEXT_UNREADABLE, processFlag.errorFilename) |
    has(texts.argumentFlags, TEXT_TRUNCATED, processFlag.truncArgs) |
    has(texts.argumentFlags, TEXT_UNREADABLE, processFlag.errorArgs) |
    has(texts.cwdFlags, TEXT_UNREADABLE, processFlag.errorCWD) |
    has(texts.pathFlags, TEXT_FORGEABLE, processFlag.forgeableBinary) |
    (exec & execFlags.EXEC_ROOT_CWD ? processFlag.rootcwd : 0) |
    (exec & execFlags.EXEC_EARLY ? processFlag.beforePolicies : 0) |
    (recorded & recordFlags.RECORD_IN_INIT_TREE ? processFlag.inInitTree : 0)
  );
}

function readDetails(reader: RecordReader, offsets: RecordOffsets): ExecDetails {
  const namespaces = Array.from({ length: recordLimits.NAMESPACES }, (_, index) =>
    reader.u32(offsets.exec.namespaces + 4 * index),
  );
  return {
    namespaces,
    credentials: readCredentials(reader, offsets, namespaces[namespaceKind.NS_USER] ?? 0),
  };
}

function readCredentials(
  reader: RecordReader,
  { cred }: RecordOffsets,
  userNs: number,
): RawCredentials {
  return {
    uid: reader.u32(cred.uid),
    gid: reader.u32(cred.gid),
    euid: reader.u32(cred.euid),
    egid: reader.u32(cred.egid),
    suid: reader.u32(cred.suid),
    sgid: reader.u32(cred.sgid),
    fsuid: reader.u32(cred.fsuid),
    fsgid: reader.u32(cred.fsgid),
    securebits: reader.u32(cred.securebits),
    permitted: reader.u64(cred.permitted),
    effective: reader.u64(cred.effective),
    inheritable: reader.u64(cred.inheritable),
    userNsLevel: reader.s32(cred.userNsLevel),
    userNsOwner: reader.u32(cred.userNsOwner),
    userNsGroup: reader.u32(cred.userNsGroup),
    userNs,
  };
}
