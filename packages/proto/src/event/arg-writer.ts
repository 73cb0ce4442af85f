// SPDX-License-Identifier: Apache-2.0
import { codec } from "../codec.ts";
import type { BackwardWriter } from "./backward-writer.ts";
import { argField, type EventArg, type SockView, type TextView } from "./event-view.ts";

const argument = codec("tetragon.KprobeArgument");

/** hot: the content of a KprobeArgument (bench/event-encoding). */
export function writeArg(w: BackwardWriter, arg: EventArg): void {
  if (arg.field === argField.message) {
    w.bytes(argument.encode(arg.label === "" ? arg.message : { ...arg.message, label: arg.label }));
    return;
  }
  const writeLabel = () => w.textField(18, arg.label);
  // Fields are written backwards: those above 18 before the label, the others after it.
  if (arg.label !== "" && arg.field < 18) writeLabel();
  writeValue(w, arg);
  if (arg.label !== "" && arg.field > 18) writeLabel();
}

function writeValue(w: BackwardWriter, arg: EventArg): void {
  switch (arg.field) {
    case argField.int:
      w.int32(arg.low | 0);
      w.varint(arg.field << 3);
      return;
    case argField.uint:
      w.varintField(arg.field, arg.low);
      return;
    case argField.long:
    case argField.size:
      w.varint64(arg.low, arg.high);
      w.varint(arg.field << 3);
      return;
    case argField.string:
    case argField.bytes:
      writeText(w, arg.field, arg.text);
      return;
    default: {
      const since = w.mark();
      writeMessage(w, arg);
      w.closeField(arg.field, since);
    }
  }
}

function writeMessage(w: BackwardWriter, arg: EventArg): void {
  const { text } = arg;
  const hasText = text.end > text.start;
  switch (arg.field) {
    case argField.path:
    case argField.file:
      if (arg.permission !== "") w.textField(4, arg.permission);
      if (arg.flags !== "") w.textField(3, arg.flags);
      if (hasText) writeText(w, 2, text);
      return;
    case argField.binprm:
      if (arg.permission !== "") w.textField(3, arg.permission);
      if (arg.flags !== "") w.textField(2, arg.flags);
      if (hasText) writeText(w, 1, text);
      return;
    case argField.truncatedBytes:
      if (arg.originalSize !== 0) {
        w.varint64(arg.originalSize, arg.originalSize / 0x1_0000_0000);
        w.varint(2 << 3);
      }
      if (hasText) writeText(w, 1, text);
      return;
    case argField.sock:
      writeSock(w, arg.sock);
      return;
    case argField.sockaddr:
      if (arg.sock.sport !== 0) w.varintField(3, arg.sock.sport);
      if (arg.sock.saddr !== "") w.textField(2, arg.sock.saddr);
      if (arg.sock.family !== "") w.textField(1, arg.sock.family);
      return;
    case argField.sockaddrUn:
      if (hasText) writeText(w, 2, text);
      if (arg.sock.family !== "") w.textField(1, arg.sock.family);
      return;
    case argField.error:
      if (arg.error !== "") w.textField(1, arg.error);
      return;
  }
}

function writeSock(w: BackwardWriter, sock: SockView): void {
  if (sock.state !== "") w.textField(11, sock.state);
  if (sock.cookieLow !== 0 || sock.cookieHigh !== 0) {
    w.varint64(sock.cookieLow, sock.cookieHigh);
    w.varint(10 << 3);
  }
  if (sock.dport !== 0) w.varintField(9, sock.dport);
  if (sock.sport !== 0) w.varintField(8, sock.sport);
  if (sock.daddr !== "") w.textField(7, sock.daddr);
  if (sock.saddr !== "") w.textField(6, sock.saddr);
  if (sock.priority !== 0) w.varintField(5, sock.priority);
  if (sock.mark !== 0) w.varintField(4, sock.mark);
  if (sock.protocol !== "") w.textField(3, sock.protocol);
  if (sock.type !== "") w.textField(2, sock.type);
  if (sock.family !== "") w.textField(1, sock.family);
}

export function writeText(w: BackwardWriter, number: number, text: TextView): void {
  const since = w.mark();
  w.slice(text.bytes, text.start, text.end);
  w.closeField(number, since);
}
