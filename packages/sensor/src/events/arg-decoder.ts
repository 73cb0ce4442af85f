// SPDX-License-Identifier: Apache-2.0

import { type ArgType, argTypeRows, type MessageArgType } from "@gander/policy";
import { type ArgField, argField, type EventArg } from "@gander/proto";
import { textFlags, valueType } from "../link/abi.gen.ts";
import { fileModeText } from "../records/file-mode.ts";
import {
  familyName,
  ipv4Text,
  ipv6Text,
  protocolName,
  socketTypeName,
  tcpStateName,
} from "../records/network-names.ts";
import type { RecordOffsets } from "../records/record-layouts.ts";
import type { RecordReader } from "../records/record-reader.ts";
import { viewString, viewText, viewToString } from "../text/text-view.ts";
import type { EventRuleArg } from "./event-rule.ts";
import { messageOf, viewStructure } from "./structures.ts";

/** A `struct arg` of a record; `start` and `end` of its content count from the record's start. */
type RecordedArg = {
  readonly type: number;
  readonly flags: number;
  readonly extra: number;
  readonly start: number;
  readonly end: number;
};

/** The event's field for a value. */
const fields = Object.fromEntries(
  argTypeRows.map(({ type, event }) => [type, argField[event]]),
) as Readonly<Record<ArgType, ArgField>>;

/** The same by the type in the record, for an argument whose rule is no longer known. */
const fieldsByValue: Readonly<Record<number, ArgField>> = {
  ...Object.fromEntries(
    [...argTypeRows]
      // Of a plain number and one with names, which are read alike, the plain one.
      .sort((a, b) => Number(b.event === "message") - Number(a.event === "message"))
      .flatMap(({ read, readUser = read, event }) =>
        [read, readUser].map((name) => [valueType[`VALUE_${name}`], argField[event]]),
      ),
  ),
  // Of two types that are read as 64 bits, the unsigned one.
  [valueType.VALUE_U64]: argField.size,
  [valueType.VALUE_NONE]: argField.error,
  [valueType.VALUE_ATTR_FILE]: argField.file,
  [valueType.VALUE_SOCK_TO_ADDR]: argField.sock,
};

/** Types of `message`; of several by the value in the record, the first. */
const messageTypes = argTypeRows.flatMap(({ type, read, event }) =>
  event === "message" ? [{ type: type as MessageArgType, value: valueType[`VALUE_${read}`] }] : [],
);

/** hot: one argument (bench/event-encoding). */
export function decodeArg(
  reader: RecordReader,
  offsets: RecordOffsets,
  value: RecordedArg,
  spec: EventRuleArg | undefined,
  arg: EventArg,
): void {
  const field = spec === undefined ? fieldsByValue[value.type] : fields[spec.type];
  arg.field = field ?? argField.error;
  arg.label = spec?.label ?? "";
  switch (arg.field) {
    case argField.message:
      decodeMessage(reader, value, spec?.type, arg);
      return;
    case argField.int:
    case argField.uint:
    case argField.long:
    case argField.size:
      decodeNumber(reader, value, arg);
      return;
    case argField.string:
      decodeString(reader, value, arg);
      return;
    case argField.bytes:
      decodeBuffer(reader, value, arg);
      return;
    case argField.file:
    case argField.path:
    case argField.binprm:
      decodePath(reader, value, arg);
      return;
    case argField.sock:
    case argField.sockaddr:
      decodeSock(reader, offsets, value, arg);
      return;
    default:
      fail(arg, `argument of unknown type ${value.type}`);
  }
}

function fail(arg: EventArg, message: string): void {
  arg.field = argField.error;
  arg.error = message;
}

/** There is no value that could be read. */
const isAbsent = (flags: number): boolean => (flags & textFlags.TEXT_ABSENT) !== 0;

function decodeNumber(
  reader: RecordReader,
  { start, end, flags }: RecordedArg,
  arg: EventArg,
): void {
  if ((flags & textFlags.TEXT_UNREADABLE) !== 0) {
    fail(arg, isAbsent(flags) ? "no value: a pointer to it is null" : "could not be read");
    return;
  }
  arg.low = end - start >= 8 ? reader.u32(start) : 0;
  arg.high = end - start >= 8 ? reader.high(start) : 0;
}

function decodeMessage(
  reader: RecordReader,
  { type, start, end, flags }: RecordedArg,
  name: ArgType | undefined,
  arg: EventArg,
): void {
  const found = messageTypes.find((known) =>
    name === undefined ? known.value === type : known.type === name,
  );
  if (found === undefined || (flags & textFlags.TEXT_UNREADABLE) !== 0)
    fail(arg, isAbsent(flags) ? "no value: the pointer is null" : "could not be read");
  else arg.message = messageOf(found.type, viewStructure(reader, start, end));
}

/** Ends cut text: no field could show that. */
const cutMark = "…";

function decodeString(reader: RecordReader, value: RecordedArg, arg: EventArg): void {
  const { start, end, flags } = value;
  if (end === start && (flags & textFlags.TEXT_UNREADABLE) !== 0) {
    fail(arg, isAbsent(flags) ? "no text: the pointer is null" : "the text could not be read");
    return;
  }
  viewText(arg.text, reader.bytes, reader.base + start, reader.base + end);
  if ((flags & (textFlags.TEXT_TRUNCATED | textFlags.TEXT_UNREADABLE)) !== 0)
    viewString(arg.text, viewToString(arg.text) + cutMark);
}

function decodeBuffer(reader: RecordReader, value: RecordedArg, arg: EventArg): void {
  const { start, end, flags, extra } = value;
  if (end === start && (flags & textFlags.TEXT_UNREADABLE) !== 0) {
    fail(arg, isAbsent(flags) ? "no buffer: the pointer is null" : "the buffer could not be read");
    return;
  }
  arg.text.bytes = reader.bytes;
  arg.text.start = reader.base + start;
  arg.text.end = reader.base + end;
  if (end - start < extra) {
    arg.field = argField.truncatedBytes;
    arg.originalSize = extra;
  }
}

/** By the flags of the text; there are rarely any. */
const pathFlags = [
  [textFlags.TEXT_TOO_DEEP, "unresolvedPathComponents"],
  [textFlags.TEXT_FORGEABLE, "forgeable"],
  [textFlags.TEXT_TRUNCATED, "truncated"],
  [textFlags.TEXT_DELETED, "deleted"],
  [textFlags.TEXT_DETACHED, "detached"],
  [textFlags.TEXT_UNREADABLE, "unreadable"],
] as const;

function decodePath(reader: RecordReader, value: RecordedArg, arg: EventArg): void {
  const { start, end, flags, extra } = value;
  if (end === start && (flags & textFlags.TEXT_UNREADABLE) !== 0) {
    fail(arg, isAbsent(flags) ? "there is no file" : "the path could not be read");
    return;
  }
  viewText(arg.text, reader.bytes, reader.base + start, reader.base + end);
  arg.permission = fileModeText(extra);
  arg.flags =
    flags === 0
      ? ""
      : pathFlags.flatMap(([flag, word]) => ((flags & flag) === 0 ? [] : [word])).join(" ");
}

const AF_INET = 2;
const IPPROTO_TCP = 6;
const IPPROTO_MPTCP = 262;

function decodeSock(
  reader: RecordReader,
  offsets: RecordOffsets,
  value: RecordedArg,
  arg: EventArg,
): void {
  const { start, end, flags } = value;
  const o = offsets.sock;
  if (end - start < o.daddr + 16 || (flags & textFlags.TEXT_UNREADABLE) !== 0) {
    fail(arg, "the socket could not be read");
    return;
  }
  const { sock } = arg;
  const family = reader.u16(start + o.family);
  const protocol = reader.u16(start + o.protocol);
  const hasAddress = reader.u16(start + o.hasAddr) !== 0;
  const address = (field: number) => {
    if (!hasAddress) return "";
    const at = reader.base + start + field;
    return family === AF_INET ? ipv4Text(reader.bytes, at) : ipv6Text(reader.bytes, at);
  };
  sock.family = familyName(family);
  sock.saddr = address(o.saddr);
  sock.sport = reader.u16(start + o.sport);
  if (arg.field === argField.sockaddr) return;
  sock.daddr = address(o.daddr);
  sock.dport = reader.u16(start + o.dport);
  sock.type = socketTypeName(reader.u16(start + o.type));
  sock.protocol = protocolName(protocol);
  sock.mark = reader.u32(start + o.mark);
  sock.priority = reader.u32(start + o.priority);
  sock.cookieLow = reader.u32(start + o.cookie);
  sock.cookieHigh = reader.high(start + o.cookie);
  const state = reader.u16(start + o.state);
  const isTcp = protocol === IPPROTO_TCP || protocol === IPPROTO_MPTCP;
  sock.state = state === 0 || !isTcp ? "" : tcpStateName(state);
  // Of a connection that is denied before it begins, the kernel has chosen no source yet.
  if (sock.sport !== 0 || sock.dport === 0 || !unspecified.has(sock.saddr)) return;
  sock.saddr = "";
  sock.state = "";
}

const unspecified: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);
