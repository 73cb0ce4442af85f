// SPDX-License-Identifier: Apache-2.0
import type { MessageArgType } from "@gander/policy";
import {
  BpfCmd,
  BpfProgramType,
  CapabilitiesType,
  type KprobeArgument,
  TaintedBitsType,
} from "@gander/proto";
import { recordLimits } from "../link/abi.gen.ts";
import { credentialsMessage, userNamespaceMessage } from "../process/process-details.ts";
import { familyName, ipv4Text, ipv6Text, protocolName } from "../records/network-names.ts";
import type { RecordReader } from "../records/record-reader.ts";
import { mapTypeName, perfTypeName } from "./bpf-names.ts";

/** A value in a record: 64-bit numbers, and perhaps a text behind them. */
export type StructureView = {
  /** The lower half of number `index`. */
  u32(index: number): number;
  u64(index: number): bigint;
  /** What follows that many numbers. */
  text(numbers: number): string;
  /** The same, not as text. */
  bytes(numbers: number): Uint8Array;
};

export function viewStructure(reader: RecordReader, start: number, end: number): StructureView {
  const has = (index: number) => start + 8 * index + 8 <= end;
  const bytes = (numbers: number) => {
    const from = Math.min(start + 8 * numbers, end);
    return reader.bytes.subarray(reader.base + from, reader.base + end);
  };
  return {
    u32: (index) => (has(index) ? reader.u32(start + 8 * index) : 0),
    u64: (index) => (has(index) ? reader.u64(start + 8 * index) : 0n),
    text: (numbers) => Buffer.from(bytes(numbers)).toString(),
    bytes,
  };
}

/** The arguments of events by type; the numbers are in the order of bpf/structures.bpf.h. */
const messages: Readonly<Record<MessageArgType, (value: StructureView) => KprobeArgument>> = {
  capability: (value) => {
    const number = value.u32(0) | 0;
    return {
      capability_arg: { value: { value: number }, ...some("name", capabilityName(number)) },
    };
  },
  bpf_cmd: (value) => {
    const name = nameOf(BpfCmd, value.u32(0));
    return name === undefined ? { int_arg: value.u32(0) | 0 } : { bpf_cmd_arg: name };
  },
  syscall64: (value) => {
    const isCompat = ((value.u64(0) >> compatBit) & 1n) === 1n;
    const id = isCompat ? Number(BigInt.asUintN(Number(compatBit), value.u64(0))) : value.u32(0);
    return { syscall_id: { ...some("id", id), abi: isCompat ? "i386" : "x64" } };
  },
  kernel_cap_t: (value) => ({ kernel_cap_t_arg: hex(value) }),
  cap_inheritable: (value) => ({ cap_inheritable_arg: hex(value) }),
  cap_permitted: (value) => ({ cap_permitted_arg: hex(value) }),
  cap_effective: (value) => ({ cap_effective_arg: hex(value) }),
  user_namespace: (value) => ({
    user_ns_arg: userNamespaceMessage(userNamespace(value), hostUserNs(value)),
  }),
  cred: (value) => ({
    process_credentials_arg: credentialsMessage(credentials(value), hostUserNs(value)),
  }),
  bpf_attr: (value) => ({ bpf_attr_arg: program(value) }),
  bpf_prog: (value) => ({ bpf_prog_arg: program(value) }),
  bpf_map: (value) => ({
    bpf_map_arg: {
      MapType: mapTypeName(value.u32(0)),
      ...some("KeySize", value.u32(1)),
      ...some("ValueSize", value.u32(2)),
      ...some("MaxEntries", value.u32(3)),
      ...some("MapName", value.text(4)),
    },
  }),
  perf_event: (value) => ({
    perf_event_arg: {
      ...some("KprobeFunc", value.text(3)),
      Type: perfTypeName(value.u32(0)),
      ...some64("Config", value.u64(1)),
      ...some64("ProbeOffset", value.u64(2)),
    },
  }),
  module: (value) => ({ module_arg: module(value) }),
  load_info: (value) => ({ module_arg: module(value) }),
  skb: (value) => ({ skb_arg: packet(value) }),
  net_device: (value) => ({ net_dev_arg: some("name", value.text(0)) }),
};

/** The argument of an event, from its bytes in a record. */
export const messageOf = (type: MessageArgType, value: StructureView): KprobeArgument =>
  messages[type](value);

const compatBit = BigInt(recordLimits.SYSCALL_COMPAT_BIT);

function nameOf<Name extends string>(
  names: Readonly<Record<Name, number>>,
  number: number,
): Name | undefined {
  return (Object.keys(names) as Name[]).find((name) => names[name] === number);
}

const capabilityName = (number: number): string => nameOf(CapabilitiesType, number) ?? "";

const hex = (value: StructureView): string => value.u64(0).toString(16).padStart(16, "0");

const userNamespace = (value: StructureView) => ({
  userNsLevel: value.u32(0) | 0,
  userNsOwner: value.u32(1),
  userNsGroup: value.u32(2),
  userNs: value.u32(3),
});

/** The host's user namespace is the only one of level 0. */
const hostUserNs = (value: StructureView) => (value.u32(0) === 0 ? value.u32(3) : 0);

const credentials = (value: StructureView) => ({
  ...userNamespace(value),
  uid: value.u32(4),
  gid: value.u32(5),
  euid: value.u32(6),
  egid: value.u32(7),
  suid: value.u32(8),
  sgid: value.u32(9),
  fsuid: value.u32(10),
  fsgid: value.u32(11),
  securebits: value.u32(12),
  permitted: value.u64(13),
  effective: value.u64(14),
  inheritable: value.u64(15),
});

const program = (value: StructureView) => ({
  ProgType: nameOf(BpfProgramType, value.u32(0)) ?? String(value.u32(0)),
  ...some("InsnCnt", value.u32(1)),
  ...some("ProgName", value.text(2)),
});

function module(value: StructureView) {
  const taints = value.u32(1);
  const names = (Object.keys(TaintedBitsType) as TaintedBitsType[]).filter(
    (name) => (TaintedBitsType[name] & taints) !== 0,
  );
  return {
    ...some("name", value.text(2)),
    signature_ok: value.u32(0) === 0 ? {} : { value: true },
    ...(names.length > 0 && { tainted: names }),
  };
}

/** A struct sock_value (bpf/records.h), as of a packet. */
function packet(value: StructureView) {
  const number = (index: number, half: number) =>
    Number((value.u64(index) >> BigInt(16 * half)) & 0xffffn);
  const family = number(0, 0);
  const protocol = number(0, 2);
  const hasAddress = number(2, 2) !== 0;
  const address = (index: number) => {
    const bytes = value.bytes(index);
    if (!hasAddress || bytes.length < 16) return "";
    return family === AF_INET ? ipv4Text(bytes, 0) : ipv6Text(bytes, 0);
  };
  return {
    ...some("hash", value.u32(3)),
    ...some("len", Number(value.u64(3) >> 32n)),
    ...some("priority", Number(value.u64(1) >> 32n)),
    ...some("mark", value.u32(1)),
    ...some("saddr", address(4)),
    ...some("daddr", address(6)),
    ...some("sport", number(2, 0)),
    ...some("dport", number(2, 1)),
    ...some("proto", protocol),
    ...some("sec_path_len", number(0, 1)),
    ...some("sec_path_olen", number(0, 3)),
    ...(hasAddress && { protocol: protocolName(protocol), family: familyName(family) }),
  };
}

const AF_INET = 2;

/** `{ [key]: value }`, or nothing if the value is the default of its type. */
const some = <K extends string, V extends string | number>(key: K, value: V) =>
  (value === "" || value === 0 ? {} : { [key]: value }) as { readonly [key in K]?: V };

const some64 = <K extends string>(key: K, value: bigint) =>
  value === 0n ? {} : some(key, String(value));
