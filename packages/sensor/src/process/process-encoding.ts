// SPDX-License-Identifier: Apache-2.0
import {
  BackwardWriter,
  type BinaryProperties,
  type Capabilities,
  codec,
  type FileProperties,
  type Namespaces,
  type ProcessCredentials,
  type Session,
  toProtoJson,
} from "@gander/proto";
import { jsonLine } from "../text/json-text.ts";
import { createKnownField } from "../text/known-field.ts";
import { LineBuffer } from "../text/line-buffer.ts";
import type { Workload } from "../workload/workload.ts";
import { writeJsonPod, writeProtoPod } from "./pod-encoding.ts";
import { flagsText } from "./process-flags.ts";

/** The encoded fields of a process; a `ProcessEntry` has them. */
type EncodedProcess = {
  readonly execId: string;
  readonly parentExecId: string;
  readonly pid: number;
  /** In its own pid namespace; 0: unknown. */
  readonly nsPid: number;
  readonly uid: number;
  readonly auid: number;
  readonly cwd: string;
  readonly binary: string;
  readonly arguments: string;
  readonly flags: number;
  readonly seconds: number;
  readonly nanos: number;
  readonly refcnt: number;
  readonly maybeExecProbe: boolean;
  readonly inInitTree: boolean;
  readonly workload: Workload;
  readonly capabilities: Capabilities | undefined;
  readonly namespaces: Namespaces | undefined;
  readonly credentials: ProcessCredentials | undefined;
  readonly binaryProperties: BinaryProperties | undefined;
  readonly session: Session | undefined;
};

/** A Process as JSON in three parts; between them go `,"refcnt":N` and `,"tid":N`. */
export type JsonParts = {
  /** From the opening brace to parent_exec_id. */
  readonly head: Uint8Array;
  /** cap, ns. */
  readonly middle: Uint8Array;
  /** From process_credentials to the closing brace. */
  readonly tail: Uint8Array;
};

/** A Process as protobuf; between the parts go refcnt and tid. */
export type ProtoParts = {
  readonly head: Uint8Array;
  readonly middle: Uint8Array;
  readonly tail: Uint8Array;
};

const none = new Uint8Array();
const tails = {
  inside: Buffer.from(',"in_init_tree":true}'),
  outside: Buffer.from(',"in_init_tree":false}'),
};

const text = (content: string): Uint8Array => Buffer.from(content);
const parts = {
  execId: text('{"exec_id":"'),
  pid: text('","pid":'),
  uid: text(',"uid":'),
  arguments: text(',"arguments":'),
  startTime: text(',"start_time":"'),
  auid: text('","auid":'),
  docker: text(',"docker":'),
  parentExecId: text(',"parent_exec_id":"'),
  refcnt: text(',"refcnt":'),
  tid: text(',"tid":'),
  file: text(',"binary_properties":{"file":{'),
  inode: text('"inode":{'),
  number: text('"number":"'),
  links: text('"links":'),
  comma: text(","),
  close: text("}"),
  closeTwice: text("}}"),
  quote: text('"'),
};

/** Nearly all processes share a few values of these. */
const known = {
  cwd: createKnownField(',"cwd":'),
  binary: createKnownField(',"binary":'),
  flags: createKnownField(',"flags":'),
  path: createKnownField('"path":'),
};

/** hot: the complete process (bench/event-encoding). */
export function writeJsonProcess(line: LineBuffer, entry: EncodedProcess, tid: number): void {
  writeHead(line, entry);
  writeRefcnt(line, entry.refcnt);
  const { capabilities, namespaces } = entry;
  if (capabilities !== undefined || namespaces !== undefined) line.raw(jsonMiddle(entry));
  line.raw(parts.tid);
  line.number(tid);
  writeTail(line, entry);
}

/** hot: the same from cached parts. */
export function writeJsonParts(
  line: LineBuffer,
  { head, middle, tail }: JsonParts,
  refcnt: number,
  tid: number,
): void {
  line.raw(head);
  writeRefcnt(line, refcnt);
  if (middle.length > 0) line.raw(middle);
  line.raw(parts.tid);
  line.number(tid);
  line.raw(tail);
}

function writeRefcnt(line: LineBuffer, refcnt: number): void {
  if (refcnt === 0) return;
  line.raw(parts.refcnt);
  line.number(refcnt);
}

function writeHead(line: LineBuffer, entry: EncodedProcess): void {
  line.raw(parts.execId);
  line.ascii(entry.execId);
  line.raw(parts.pid);
  line.number(entry.pid);
  line.raw(parts.uid);
  line.number(entry.uid);
  if (entry.cwd !== "") known.cwd(line, entry.cwd);
  if (entry.binary !== "") known.binary(line, entry.binary);
  writeField(line, parts.arguments, entry.arguments);
  const flags = flagsText(entry.flags);
  if (flags !== "") known.flags(line, flags);
  line.raw(parts.startTime);
  line.time(entry.seconds, entry.nanos);
  line.raw(parts.auid);
  line.number(entry.auid);
  const { pod, containerId } = entry.workload;
  if (pod !== undefined) writeJsonPod(line, pod, entry);
  if (containerId !== "") writeField(line, parts.docker, containerId.slice(0, 31));
  if (entry.parentExecId === "") return;
  line.raw(parts.parentExecId);
  line.ascii(entry.parentExecId);
  line.raw(parts.quote);
}

function writeField(line: LineBuffer, name: Uint8Array, content: string): void {
  if (content === "") return;
  line.raw(name);
  line.string(content);
}

const scratch = new LineBuffer();

export function encodeJsonParts(entry: EncodedProcess): JsonParts {
  const tail = encodeJsonTail(entry);
  scratch.length = 0;
  writeHead(scratch, entry);
  return { head: scratch.copy(0), middle: jsonMiddle(entry), tail };
}

function jsonMiddle({ capabilities, namespaces }: EncodedProcess): Uint8Array {
  if (capabilities === undefined && namespaces === undefined) return none;
  const message = {
    ...(capabilities && { cap: capabilities }),
    ...(namespaces && { ns: namespaces }),
  };
  return Buffer.from(`,${jsonLine(toProtoJson("tetragon.Process", message)).slice(1, -1)}`);
}

/** The part of the JSON that changes after the exec event. */
export function encodeJsonTail(entry: EncodedProcess): Uint8Array {
  const { credentials, binaryProperties, inInitTree, session } = entry;
  if (credentials === undefined && binaryProperties === undefined && session === undefined)
    return inInitTree ? tails.inside : tails.outside;
  scratch.length = 0;
  writeTail(scratch, entry);
  return scratch.copy(0);
}

/** hot: two execs of three have no properties, or only the file's path (bench/event-encoding). */
function writeTail(line: LineBuffer, entry: EncodedProcess): void {
  const { credentials, binaryProperties, inInitTree, session } = entry;
  const count = countFields(binaryProperties);
  const file = binaryProperties?.file;
  const isPlain = credentials === undefined && session === undefined;
  if (isPlain && (count === 0 || (count === 1 && file !== undefined))) {
    if (file !== undefined) writeFile(line, file);
    line.raw(inInitTree ? tails.inside : tails.outside);
    return;
  }
  const message = {
    ...(credentials && { process_credentials: credentials }),
    ...(count > 0 && { binary_properties: binaryProperties }),
    in_init_tree: inInitTree ? { value: true } : {},
    ...(session && { session }),
  };
  line.raw(text(`,${jsonLine(toProtoJson("tetragon.Process", message)).slice(1)}`));
}

function countFields(message: object | undefined): number {
  let count = 0;
  for (const field in message) if (field !== "") count++;
  return count;
}

/** A binary behind a symbolic link: on many systems every second exec. */
function writeFile(line: LineBuffer, { inode, path = "" }: FileProperties): void {
  line.raw(parts.file);
  if (inode !== undefined) {
    line.raw(parts.inode);
    if (inode.number !== undefined) {
      line.raw(parts.number);
      line.ascii(inode.number);
      line.raw(parts.quote);
    }
    if (inode.links !== undefined) {
      if (inode.number !== undefined) line.raw(parts.comma);
      line.raw(parts.links);
      line.number(inode.links.value ?? 0);
    }
    line.raw(parts.close);
  }
  if (path !== "") {
    if (inode !== undefined) line.raw(parts.comma);
    known.path(line, path);
  }
  line.raw(parts.closeTwice);
}

const writer = new BackwardWriter(4096);

export function encodeProtoParts(entry: EncodedProcess): ProtoParts {
  const { capabilities, namespaces } = entry;
  const rich = capabilities !== undefined || namespaces !== undefined;
  const middle = {
    ...(capabilities && { cap: capabilities }),
    ...(namespaces && { ns: namespaces }),
  };
  return {
    head: protoHead(entry),
    middle: rich ? codec("tetragon.Process").encode(middle) : none,
    tail: encodeProtoTail(entry),
  };
}

/** Fields 12 to 1, from the last to the first. */
function protoHead(entry: EncodedProcess): Uint8Array {
  const { pod, containerId } = entry.workload;
  const w = writer;
  w.start();
  if (entry.parentExecId !== "") w.textField(12, entry.parentExecId);
  if (containerId !== "") w.textField(11, containerId.slice(0, 31));
  if (pod !== undefined) {
    const since = w.mark();
    writeProtoPod(w, pod, entry);
    w.closeField(10, since);
  }
  wrapper(9, entry.auid);
  const since = w.mark();
  if (entry.nanos !== 0) w.varintField(2, entry.nanos);
  if (entry.seconds !== 0) {
    w.varint64(entry.seconds, entry.seconds / 0x1_0000_0000);
    w.varint(1 << 3);
  }
  w.closeField(8, since);
  const flags = flagsText(entry.flags);
  if (flags !== "") w.textField(7, flags);
  if (entry.arguments !== "") w.textField(6, entry.arguments);
  if (entry.binary !== "") w.textField(5, entry.binary);
  if (entry.cwd !== "") w.textField(4, entry.cwd);
  wrapper(3, entry.uid);
  wrapper(2, entry.pid);
  w.textField(1, entry.execId);
  return new Uint8Array(w.finish());
}

function wrapper(number: number, value: number): void {
  const since = writer.mark();
  if (value !== 0) writer.varintField(1, value);
  writer.closeField(number, since);
}

const protoTails = {
  inside: codec("tetragon.Process").encode({ in_init_tree: { value: true } }),
  outside: codec("tetragon.Process").encode({ in_init_tree: {} }),
};

export function encodeProtoTail({
  credentials,
  binaryProperties,
  inInitTree,
  session,
}: EncodedProcess): Uint8Array {
  const hasBinary = binaryProperties !== undefined && Object.keys(binaryProperties).length > 0;
  if (credentials === undefined && !hasBinary && session === undefined)
    return inInitTree ? protoTails.inside : protoTails.outside;
  return codec("tetragon.Process").encode({
    ...(credentials && { process_credentials: credentials }),
    ...(hasBinary && { binary_properties: binaryProperties }),
    in_init_tree: inInitTree ? { value: true } : {},
    ...(session && { session }),
  });
}
