// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, rmSync } from "node:fs";
import { type AttackResult, attack, run } from "./attack.ts";

/** A way to start a program that lies below /tmp. */
export interface ExecAttack {
  readonly method: string;
  /** Why a policy on `security_bprm_check` with the prefix /tmp/ can't see it. */
  readonly outOfReach?: string;
}

export const execAttacks: readonly ExecAttack[] = [
  { method: "direct" },
  { method: "relative" },
  { method: "symlink" },
  { method: "descriptor" },
  { method: "path-descriptor" },
  { method: "execveat" },
  { method: "deleted" },
  { method: "script" },
  { method: "chroot" },
  { method: "deep" },
  { method: "vfork" },
  { method: "hard-link" },
  { method: "interpreted", outOfReach: "the program is the interpreter" },
  { method: "memory", outOfReach: "the program lies in memory only" },
  { method: "bound-elsewhere", outOfReach: "it is started by a path outside of the prefix" },
  { method: "loader", outOfReach: "the program is the dynamic loader" },
];

export function startProgram(method: string): AttackResult {
  const directory = `/tmp/attacked-${method}`;
  mkdirSync(directory, { recursive: true });
  try {
    return attack("exec", method, `${directory}/program`);
  } finally {
    run("umount", ["-l", "/var/tmp/attack-bound"]);
    rmSync(directory, { recursive: true, force: true });
  }
}
