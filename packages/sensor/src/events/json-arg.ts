// SPDX-License-Identifier: Apache-2.0
import { argField, type EventArg, type SockView, toProtoJson } from "@gander/proto";
import { jsonLine } from "../text/json-text.ts";
import { createKnownField } from "../text/known-field.ts";
import type { LineBuffer } from "../text/line-buffer.ts";

const text = (content: string): Uint8Array => Buffer.from(content);

const open = {
  string: text('{"string_arg":'),
  int: text('{"int_arg":'),
  negativeInt: text('{"int_arg":-'),
  uint: text('{"uint_arg":'),
  size: text('{"size_arg":"'),
  long: text('{"long_arg":"'),
  bytes: text('{"bytes_arg":'),
  truncated: text('{"truncated_bytes_arg":{'),
  path: text('{"path_arg":{'),
  file: text('{"file_arg":{'),
  binprm: text('{"linux_binprm_arg":{'),
  sock: text('{"sock_arg":{'),
  sockaddr: text('{"sockaddr_arg":{'),
  sockaddrUn: text('{"sockaddrun_arg":{'),
  error: text('{"error_arg":{'),
};
const label = text(',"label":');
const close = text("}");
const quote = text('"');

/** The name of a field as the first of an object, and as a later one. */
const name = (field: string) => ({ first: text(`"${field}":`), next: text(`,"${field}":`) });
type Name = ReturnType<typeof name>;

const names = {
  path: name("path"),
  flags: name("flags"),
  bytes: name("bytes_arg"),
  message: name("Message"),
  family: name("family"),
  type: name("type"),
  protocol: name("protocol"),
  mark: name("mark"),
  priority: name("priority"),
  saddr: name("saddr"),
  daddr: name("daddr"),
  sport: name("sport"),
  dport: name("dport"),
  state: name("state"),
  addr: name("addr"),
  port: name("port"),
};

/** There are only a few dozen. */
const permission = {
  first: createKnownField('"permission":'),
  next: createKnownField(',"permission":'),
};

/** hot: a KprobeArgument as JSON (bench/event-encoding). */
export function writeJsonArg(line: LineBuffer, arg: EventArg): void {
  writeValue(line, arg);
  if (arg.label !== "") {
    line.raw(label);
    line.string(arg.label);
  }
  line.raw(close);
}

function writeValue(line: LineBuffer, arg: EventArg): void {
  switch (arg.field) {
    case argField.message:
      writeMessage(line, arg);
      return;
    case argField.string:
      line.raw(open.string);
      line.text(arg.text);
      return;
    case argField.int:
      writeInt(line, arg.low | 0);
      return;
    case argField.uint:
      line.raw(open.uint);
      line.number(arg.low);
      return;
    case argField.size:
      line.raw(open.size);
      writeUnsigned(line, arg.low, arg.high);
      line.raw(quote);
      return;
    case argField.long:
      line.raw(open.long);
      writeSigned(line, arg.low, arg.high);
      line.raw(quote);
      return;
    case argField.bytes:
      line.raw(open.bytes);
      line.base64(arg.text);
      return;
    case argField.truncatedBytes:
      writeTruncated(line, arg);
      return;
    case argField.path:
      line.raw(open.path);
      writePath(line, arg);
      return;
    case argField.file:
      line.raw(open.file);
      writePath(line, arg);
      return;
    case argField.binprm:
      line.raw(open.binprm);
      writePath(line, arg);
      return;
    case argField.sock:
      writeSock(line, arg.sock);
      return;
    case argField.sockaddr:
    case argField.sockaddrUn:
      writeSockaddr(line, arg);
      return;
    case argField.error:
      line.raw(open.error);
      writeField(line, names.message, arg.error, true);
      line.raw(close);
  }
}

/** Without the closing bracket, as the others. */
function writeMessage(line: LineBuffer, { message }: EventArg): void {
  const json = jsonLine(toProtoJson("tetragon.KprobeArgument", message));
  line.raw(Buffer.from(json).subarray(0, -1));
}

function writeInt(line: LineBuffer, value: number): void {
  line.raw(value < 0 ? open.negativeInt : open.int);
  line.number(Math.abs(value));
}

function writePath(line: LineBuffer, arg: EventArg): void {
  let first = true;
  if (arg.text.end > arg.text.start) {
    line.raw(names.path.first);
    line.text(arg.text);
    first = false;
  }
  if (writeField(line, names.flags, arg.flags, first)) first = false;
  if (arg.permission !== "") (first ? permission.first : permission.next)(line, arg.permission);
  line.raw(close);
}

function writeTruncated(line: LineBuffer, arg: EventArg): void {
  line.raw(open.truncated);
  const hasBytes = arg.text.end > arg.text.start;
  if (hasBytes) {
    line.raw(names.bytes.first);
    line.base64(arg.text);
  }
  if (arg.originalSize !== 0) line.ascii(`${hasBytes ? "," : ""}"orig_size":"${arg.originalSize}"`);
  line.raw(close);
}

function writeSock(line: LineBuffer, sock: SockView): void {
  line.raw(open.sock);
  let first = !writeField(line, names.family, sock.family, true);
  first = !writeField(line, names.type, sock.type, first) && first;
  first = !writeField(line, names.protocol, sock.protocol, first) && first;
  first = !writeNumber(line, names.mark, sock.mark, first) && first;
  first = !writeNumber(line, names.priority, sock.priority, first) && first;
  first = !writeField(line, names.saddr, sock.saddr, first) && first;
  first = !writeField(line, names.daddr, sock.daddr, first) && first;
  first = !writeNumber(line, names.sport, sock.sport, first) && first;
  first = !writeNumber(line, names.dport, sock.dport, first) && first;
  if (sock.cookieLow !== 0 || sock.cookieHigh !== 0) {
    line.ascii(first ? '"cookie":"' : ',"cookie":"');
    writeUnsigned(line, sock.cookieLow, sock.cookieHigh);
    line.raw(quote);
    first = false;
  }
  writeField(line, names.state, sock.state, first);
  line.raw(close);
}

function writeSockaddr(line: LineBuffer, arg: EventArg): void {
  const { sock, text: path } = arg;
  const isUnix = arg.field === argField.sockaddrUn;
  line.raw(isUnix ? open.sockaddrUn : open.sockaddr);
  let first = !writeField(line, names.family, sock.family, true);
  if (!isUnix) {
    first = !writeField(line, names.addr, sock.saddr, first) && first;
    writeNumber(line, names.port, sock.sport, first);
  } else if (path.end > path.start) {
    line.raw(first ? names.path.first : names.path.next);
    line.text(path);
  }
  line.raw(close);
}

/** Returns whether there was anything to write. */
function writeField(line: LineBuffer, key: Name, content: string, isFirst: boolean): boolean {
  if (content === "") return false;
  line.raw(isFirst ? key.first : key.next);
  line.string(content);
  return true;
}

function writeNumber(line: LineBuffer, key: Name, number: number, isFirst: boolean): boolean {
  if (number === 0) return false;
  line.raw(isFirst ? key.first : key.next);
  line.number(number);
  return true;
}

/** Below 2⁵³ a number is exact. */
const exactHigh = 0x20_0000;

function writeUnsigned(line: LineBuffer, low: number, high: number): void {
  if (high < exactHigh) line.number(high * 0x1_0000_0000 + low);
  else line.ascii(String((BigInt(high) << 32n) | BigInt(low)));
}

function writeSigned(line: LineBuffer, low: number, high: number): void {
  if (high < exactHigh) line.number(high * 0x1_0000_0000 + low);
  else line.ascii(String(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))));
}
