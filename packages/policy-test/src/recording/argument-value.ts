// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";
import type { ArgType } from "@gander/policy";
import { BpfCmd } from "@gander/proto";
import { familyName, protocolName, tcpStateName } from "@gander/sensor/network-names";
import type { Socket, Value } from "@gander/sensor/reference";
import type { RecordedValue } from "./recording-format.ts";

/**
 * What a recording has of an argument. The kernel had none (absent), could not read it (unreadable), or had it;
 * missing: the recording does not have what the kernel had.
 */
export type ArgumentValue =
  | { readonly state: "absent" | "unreadable" | "missing" }
  | {
      readonly state: "known";
      readonly value: Value;
      /** A path that a workload may have made up. */
      readonly forgeable?: boolean;
      /** A path of more components than the kernel reads: filters on it are decided without. */
      readonly tooDeep?: boolean;
      /** Of a file: S_IFMT of its mode; 0: not known. */
      readonly fileType?: number;
    };

const missing: ArgumentValue = { state: "missing" };
const known = (value: Value): ArgumentValue => ({ state: "known", value });

type Json = Readonly<Record<string, unknown>>;

export function argumentValue(recorded: RecordedValue | undefined): ArgumentValue {
  const [[field, content] = ["", undefined]] = Object.entries(recorded ?? {});
  return readers[field]?.(content) ?? missing;
}

/** The type whose values such an argument has, for one whose type the kernel chose. */
export function typeOfValue(recorded: RecordedValue | undefined): ArgType | undefined {
  const [field = ""] = Object.keys(recorded ?? {});
  return types[field];
}

const types: Readonly<Record<string, ArgType>> = {
  int_arg: "int",
  uint_arg: "uint32",
  long_arg: "int64",
  size_arg: "uint64",
  string_arg: "string",
  bytes_arg: "char_buf",
  truncated_bytes_arg: "char_buf",
  file_arg: "file",
  path_arg: "path",
  linux_binprm_arg: "linux_binprm",
  sock_arg: "sock",
  sockaddr_arg: "sockaddr",
  skb_arg: "skb",
  net_dev_arg: "net_device",
  capability_arg: "capability",
  bpf_cmd_arg: "bpf_cmd",
  syscall_id: "syscall64",
  kernel_cap_t_arg: "kernel_cap_t",
  cap_inheritable_arg: "cap_inheritable",
  cap_permitted_arg: "cap_permitted",
  cap_effective_arg: "cap_effective",
};

const readers: Readonly<Record<string, (content: unknown) => ArgumentValue>> = {
  int_arg: integer,
  uint_arg: integer,
  long_arg: integer,
  size_arg: integer,
  string_arg: plainText,
  bytes_arg: bytes,
  file_arg: path,
  path_arg: path,
  linux_binprm_arg: path,
  sock_arg: (content) => socket(content, "sock"),
  skb_arg: (content) => socket(content, "skb"),
  sockaddr_arg: (content) => socket(content, "sockaddr"),
  net_dev_arg: (content) => plainText(isRecord(content) ? (content.name ?? "") : undefined),
  capability_arg: (content) => integer(isRecord(content) ? unwrapped(content.value) : undefined),
  bpf_cmd_arg: (content) => {
    const number = Object.entries(BpfCmd).find(([name]) => name === content)?.[1];
    return number === undefined ? missing : known(BigInt(number));
  },
  syscall_id: (content) => {
    if (!isRecord(content)) return missing;
    const compat = content.abi === "i386" ? 0x8000_0000n : 0n;
    const id = integer(content.id ?? 0);
    return id.state === "known" ? known(compat | BigInt(String(id.value))) : id;
  },
  kernel_cap_t_arg: hex,
  cap_inheritable_arg: hex,
  cap_permitted_arg: hex,
  cap_effective_arg: hex,
  error_arg: (content) => {
    const message = isRecord(content) ? String(content.Message ?? content.message ?? "") : "";
    if (/is null$|^there is no file$/.test(message)) return { state: "absent" };
    return /could not be read$/.test(message) ? { state: "unreadable" } : missing;
  },
};

const unwrapped = (value: unknown): unknown => (isRecord(value) ? (value.value ?? 0) : value);

function integer(content: unknown): ArgumentValue {
  const isInteger =
    Number.isInteger(content) || (typeof content === "string" && /^-?\d{1,20}$/.test(content));
  return isInteger ? known(BigInt(content as string | number)) : missing;
}

function hex(content: unknown): ArgumentValue {
  if (typeof content !== "string" || !/^[0-9a-f]{1,16}$/.test(content)) return missing;
  return known(BigInt(`0x${content}`));
}

/** Events show bytes that are no UTF-8, and where a text was cut, by these. */
const replaced = /\uFFFD/;
const cut = /…$/;

export const isWholeText = (text: string): boolean => !replaced.test(text) && !cut.test(text);

function plainText(content: unknown): ArgumentValue {
  return typeof content === "string" && isWholeText(content) ? known(content) : missing;
}

function bytes(content: unknown): ArgumentValue {
  if (typeof content !== "string") return missing;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return known(decoder.decode(Buffer.from(content, "base64")));
  } catch {
    return missing;
  }
}

// S_IFMT of inode(7), by the letter of `ls -l`.
const fileTypes: Readonly<Record<string, number>> = {
  ...{ p: 0o010000, c: 0o020000, d: 0o040000, b: 0o060000 },
  ...{ "-": 0o100000, l: 0o120000, s: 0o140000 },
};

function path(content: unknown): ArgumentValue {
  if (!isRecord(content)) return missing;
  const { path: name = "", flags = "", permission = "" } = content;
  const words = String(flags).split(" ");
  const tooDeep = words.includes("unresolvedPathComponents");
  const isWhole = !words.includes("truncated") && !words.includes("unreadable");
  if (typeof name !== "string") return missing;
  if (!tooDeep && (!isWhole || replaced.test(name))) return missing;
  return {
    ...{ state: "known", value: name, forgeable: words.includes("forgeable"), tooDeep },
    fileType: fileTypes[String(permission)[0] ?? ""] ?? 0,
  };
}

function byName(nameOf: (number: number) => string): ReadonlyMap<string, number> {
  return new Map(Array.from({ length: 512 }, (_, number) => [nameOf(number), number]));
}

const families = byName(familyName);
const protocols = byName(protocolName);
const states = byName(tcpStateName);

/** -1: not known. */
const numberOf = (names: ReadonlyMap<string, number>, name: unknown): number =>
  typeof name === "string" ? (names.get(name) ?? -1) : -1;

export const unknownNumber = -1;

/** Of an address alone, the address is both ends: filters compare it as one of them. */
function socket(content: unknown, kind: "sock" | "skb" | "sockaddr"): ArgumentValue {
  if (!isRecord(content)) return missing;
  const { family, protocol, state } = content;
  const isAddress = kind === "sockaddr";
  const saddr = isAddress ? content.addr : content.saddr;
  const daddr = isAddress ? content.addr : content.daddr;
  const sport = isAddress ? content.port : content.sport;
  const dport = isAddress ? content.port : content.dport;
  const addresses = [saddr, daddr].map((one) => (typeof one === "string" ? one : ""));
  const [source = "", target = ""] = addresses;
  if (addresses.some((one) => one !== "" && isIP(one) === 0)) return missing;
  const value: Socket = {
    saddr: addressHex(source),
    daddr: addressHex(target),
    addressFamily: isIP(target || source) === 6 ? 6 : 4,
    sport: Number(sport ?? 0),
    dport: Number(dport ?? 0),
    protocol: numberOf(protocols, protocol),
    family: numberOf(families, family),
    state: numberOf(states, state),
  };
  return known(value);
}

/** As compiled networks have it; empty: there is no address. */
function addressHex(address: string): string {
  const version = isIP(address);
  if (version === 0) return "";
  const byte = (number: number) => number.toString(16).padStart(2, "0");
  if (version === 4) return address.split(".").map(Number).map(byte).join("");
  const mapped = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (mapped) {
    const [, start = "", ...parts] = mapped;
    const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number);
    return addressHex(`${start}${byte(a)}${byte(b)}:${byte(c)}${byte(d)}`);
  }
  const [before = "", after] = address.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [head, tail] = [groups(before), groups(after ?? "")];
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  const all = after === undefined ? head : [...head, ...zeros, ...tail];
  return all.map((group) => group.padStart(4, "0")).join("");
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
