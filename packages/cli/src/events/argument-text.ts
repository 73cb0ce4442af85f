// SPDX-License-Identifier: Apache-2.0
import { type ArgJson, isRecord, jsonText, text } from "./event-json.ts";
import { quote } from "./quote.ts";

/** One argument of a hook as a few words; every part that a workload chose is quoted. */
export function argumentText(arg: ArgJson): string {
  for (const [kind, value] of Object.entries(arg)) {
    const show = SHOW[kind];
    if (show !== undefined) return show(value);
  }
  // Kinds of argument that are newer than this table: better raw than silently absent.
  return quote(jsonText(arg));
}

/** `tcp 10.0.0.1:4711 -> 192.0.2.1:443`; without a source while the kernel has chosen none. */
export function socketText(value: unknown): string {
  if (!isRecord(value)) return plain(value);
  const protocol = text(value.protocol)
    .replace(/^IPPROTO_/, "")
    .toLowerCase();
  const isBound = "saddr" in value || "sport" in value;
  const source = isBound ? `${endpoint(value.saddr, value.sport)} ` : "";
  const destination = endpoint(value.daddr, value.dport);
  return `${quote(protocol || "socket")} ${source}-> ${destination}`;
}

/** The path in a file_arg, path_arg or linux_binprm_arg, or the string argument itself. */
export function pathText(arg: ArgJson | undefined): string {
  if (arg === undefined) return "";
  for (const kind of ["file_arg", "path_arg", "linux_binprm_arg"])
    if (isRecord(arg[kind])) return quote(text(arg[kind].path));
  return "string_arg" in arg ? quote(text(arg.string_arg)) : "";
}

/** The value of an integer argument of whatever width; undefined if it is another kind. */
export function integerOf(arg: ArgJson | undefined): string | undefined {
  for (const kind of ["int_arg", "uint_arg", "size_arg", "long_arg"])
    if (arg !== undefined && kind in arg) return text(arg[kind]);
  return undefined;
}

const SHOW: Readonly<Record<string, (value: unknown) => string>> = {
  string_arg: plain,
  int_arg: plain,
  uint_arg: plain,
  size_arg: plain,
  long_arg: plain,
  bytes_arg: bytes,
  truncated_bytes_arg: (value) =>
    isRecord(value)
      ? `${bytes(value.bytes_arg)} of ${quote(text(value.orig_size))} bytes`
      : plain(value),
  file_arg: path,
  path_arg: path,
  linux_binprm_arg: path,
  sock_arg: socketText,
  skb_arg: socketText,
  sockaddr_arg: (value) => (isRecord(value) ? endpoint(value.addr, value.port) : plain(value)),
  error_arg: (value) =>
    isRecord(value) ? `<error ${quote(text(value.Message ?? value.message))}>` : plain(value),
};

function plain(value: unknown): string {
  return quote(text(value));
}

function path(value: unknown): string {
  return isRecord(value) ? quote(text(value.path)) : plain(value);
}

/** Protobuf's JSON form carries bytes in base64. */
function bytes(value: unknown): string {
  return quote(Buffer.from(text(value), "base64").toString());
}

function endpoint(address: unknown, port: unknown): string {
  const host = quote(text(address));
  return `${host.includes(":") ? `[${host}]` : host}:${quote(text(port) || "0")}`;
}
