// SPDX-License-Identifier: Apache-2.0
import type { Container } from "./container.ts";
import { type Credentials, credValue, withUsers } from "./credentials.ts";
import type { Steps } from "./kernel-call.ts";
import { number } from "./kernel-value.ts";

/** LSM_SETID_RES: setresuid(2) asks. */
const byResuid = 4;

export function* setUsers(
  container: Container,
  users: Pick<Credentials, "uid" | "euid" | "suid">,
): Steps {
  const [uid, euid, suid] = [users.uid, users.euid, users.suid].map((id) => number(id, "uint32"));
  if (uid && euid && suid) yield container.call("sys_setresuid", [uid, euid, suid]);
  const old = container.process.credentials;
  const made = withUsers(old, users);
  // The hook comes before the capabilities change.
  const asked = credValue({ ...old, ...users });
  yield container.call("task_fix_setuid", [asked, credValue(old), number(byResuid)]);
  yield container.call("commit_creds", [credValue(made)]);
  container.change({ credentials: made });
}
