// SPDX-License-Identifier: Apache-2.0
import {
  type BinaryProperties,
  type Capabilities,
  CapabilitiesType,
  type Namespaces,
  type ProcessCredentials,
  SecureBitsType,
  type UserNamespace,
} from "@gander/proto";
import { namespaceNames } from "../link/namespace-kinds.ts";

/** The fields of a record's `struct credentials`. */
export type RawCredentials = {
  readonly uid: number;
  readonly gid: number;
  readonly euid: number;
  readonly egid: number;
  readonly suid: number;
  readonly sgid: number;
  readonly fsuid: number;
  readonly fsgid: number;
  readonly securebits: number;
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly inheritable: bigint;
  readonly userNsLevel: number;
  readonly userNsOwner: number;
  readonly userNsGroup: number;
  /** Inode number of the user namespace. */
  readonly userNs: number;
};

/** Inode numbers of namespaces, in the order of enum namespace_kind. */
export type NamespaceIds = readonly number[];

/** 0 means no namespace (or a kernel without that kind) and is omitted. */
export function namespacesMessage(ids: NamespaceIds, hostIds: NamespaceIds): Namespaces {
  const entries = namespaceNames.flatMap((name, index) => {
    const inum = ids[index] ?? 0;
    return inum === 0 ? [] : [[name, namespaceMessage(inum, hostIds[index])] as const];
  });
  return Object.fromEntries(entries);
}

function namespaceMessage(inum: number, hostInum: number | undefined) {
  return { inum, ...(inum === hostInum && { is_host: true }) };
}

export function capabilitiesMessage(raw: RawCredentials): Capabilities {
  return {
    ...some("permitted", capabilityNames(raw.permitted)),
    ...some("effective", capabilityNames(raw.effective)),
    ...some("inheritable", capabilityNames(raw.inheritable)),
  };
}

export function credentialsMessage(raw: RawCredentials, hostUserNs: number): ProcessCredentials {
  return {
    uid: wrapped(raw.uid),
    gid: wrapped(raw.gid),
    euid: wrapped(raw.euid),
    egid: wrapped(raw.egid),
    suid: wrapped(raw.suid),
    sgid: wrapped(raw.sgid),
    fsuid: wrapped(raw.fsuid),
    fsgid: wrapped(raw.fsgid),
    ...some("securebits", secureBitNames(raw.securebits)),
    caps: capabilitiesMessage(raw),
    user_ns: userNamespaceMessage(raw, hostUserNs),
  };
}

type RawUserNamespace = Pick<
  RawCredentials,
  "userNsLevel" | "userNsOwner" | "userNsGroup" | "userNs"
>;

export function userNamespaceMessage(raw: RawUserNamespace, hostUserNs: number): UserNamespace {
  return {
    level: wrapped(raw.userNsLevel),
    uid: wrapped(raw.userNsOwner),
    gid: wrapped(raw.userNsGroup),
    ...(raw.userNs !== 0 && { ns: namespaceMessage(raw.userNs, hostUserNs) }),
  };
}

/** Special properties of the file that an exec runs; empty if there are none. */
export type RawBinary = {
  /** Path of the file if it differs from the field `binary`; otherwise empty. */
  readonly path: string;
  readonly inode: bigint;
  readonly links: number;
  readonly setuid: boolean;
  readonly setgid: boolean;
  readonly fileCapabilities: boolean;
  readonly euid: number;
  readonly egid: number;
};

const nothingSpecial: BinaryProperties = {};

export function binaryPropertiesMessage(raw: RawBinary): BinaryProperties {
  const raised = raw.setuid || raw.setgid || raw.fileCapabilities;
  if (!raised && raw.path === "" && raw.links !== 0) return nothingSpecial;
  const changed = [
    ...(raw.fileCapabilities ? (["PRIVILEGES_RAISED_EXEC_FILE_CAP"] as const) : []),
    ...(raw.setuid ? (["PRIVILEGES_RAISED_EXEC_FILE_SETUID"] as const) : []),
    ...(raw.setgid ? (["PRIVILEGES_RAISED_EXEC_FILE_SETGID"] as const) : []),
  ];
  const number = { ...(raw.inode !== 0n && { number: String(raw.inode) }) };
  return {
    ...(raw.setuid && { setuid: wrapped(raw.euid) }),
    ...(raw.setgid && { setgid: wrapped(raw.egid) }),
    ...some("privileges_changed", changed),
    ...((raw.path !== "" || raw.links === 0) && {
      file: {
        inode: { ...number, links: wrapped(raw.links) },
        ...(raw.path !== "" && { path: raw.path }),
      },
    }),
  };
}

const capabilityList = Object.entries(CapabilitiesType) as [CapabilitiesType, number][];
const secureBitList = Object.entries(SecureBitsType) as [SecureBitsType, number][];

function capabilityNames(mask: bigint): CapabilitiesType[] {
  return capabilityList.flatMap(([name, bit]) => ((mask >> BigInt(bit)) & 1n ? [name] : []));
}

const secureBitNames = (mask: number) =>
  secureBitList.flatMap(([name, bit]) => ((mask & bit) === 0 ? [] : [name]));

/** A wrapper message; 0 is a wrapper that is present and empty. */
export function wrapped(value: number): { readonly value?: number } {
  return value === 0 ? {} : { value };
}

function some<K extends string, T>(
  key: K,
  list: readonly T[],
): { readonly [k in K]?: readonly T[] } {
  return list.length === 0 ? {} : ({ [key]: list } as { [k in K]: readonly T[] });
}
