// SPDX-License-Identifier: Apache-2.0
import { type KernelValue, number, structure } from "./kernel-value.ts";

export type Credentials = {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
};

/** All that there are: CAP_CHECKPOINT_RESTORE is the last. */
export const capabilitiesOfRoot = (1n << 41n) - 1n;

export const rootCredentials: Credentials = {
  ...{ uid: 0, euid: 0, suid: 0 },
  ...{ effective: capabilitiesOfRoot, permitted: capabilitiesOfRoot, inheritable: 0n },
};

/** struct cred */
export function credValue(of: Credentials): KernelValue {
  const id = (value: number) => structure({ val: number(value, "uint32") });
  const set = (value: bigint, type: "cap_effective" | "cap_permitted" | "cap_inheritable") =>
    number(value, type);
  return structure({
    uid: id(of.uid),
    euid: id(of.euid),
    suid: id(of.suid),
    fsuid: id(of.euid),
    ...{ gid: id(0), egid: id(0), sgid: id(0), fsgid: id(0) },
    cap_effective: set(of.effective, "cap_effective"),
    cap_permitted: set(of.permitted, "cap_permitted"),
    cap_inheritable: set(of.inheritable, "cap_inheritable"),
  });
}

/** What setresuid(2) makes of them. Source: cap_emulate_setxuid in security/commoncap.c. */
export function withUsers(
  old: Credentials,
  users: Pick<Credentials, "uid" | "euid" | "suid">,
): Credentials {
  const had = [old.uid, old.euid, old.suid].includes(0);
  const has = [users.uid, users.euid, users.suid].includes(0);
  const permitted = had && !has ? 0n : old.permitted;
  const drops = (had && !has) || (old.euid === 0 && users.euid !== 0);
  const gains = old.euid !== 0 && users.euid === 0;
  const effective = drops ? 0n : gains ? permitted : old.effective;
  return { ...old, ...users, permitted, effective };
}

/** Those of a program that is started; `owner`: it is set-user-ID, and belongs to this user. */
export function atExec(old: Credentials, owner: number | undefined): Credentials {
  const euid = owner ?? old.euid;
  // Root gets all capabilities, also by a set-user-ID program (handle_privileged_root).
  const isRoot = euid === 0 || old.uid === 0;
  const permitted = isRoot ? capabilitiesOfRoot : 0n;
  return {
    ...old,
    euid,
    suid: euid,
    permitted,
    effective: euid === 0 ? permitted : 0n,
  };
}
