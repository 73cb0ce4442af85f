// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

/** The kernel counts in these for user space, on every machine. */
const TICKS_A_SECOND = 100;

/** Milliseconds of CPU time of a process, its children and theirs: those that run and those waited for. 0 if it has gone. */
export function cpuTimeOfTree(pid: number): number {
  try {
    // After the name, which may hold anything but ends with the last bracket: state is the third field.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // utime, stime, cutime, cstime: fields 14 to 17 (proc(5)).
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").match(/\d+/g) ?? [];
    return children.reduce(
      (sum, child) => sum + cpuTimeOfTree(Number(child)),
      (ticks * 1000) / TICKS_A_SECOND,
    );
  } catch {
    return 0;
  }
}
