// SPDX-License-Identifier: Apache-2.0
// Loads beside a step, by the means of an ordinary user.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { attackProgram } from "../tests/lib/attack.ts";
import type { Weighted } from "./plan.ts";

export interface Load extends Weighted {
  /** Programs that run until the step is over: their launchers and arguments. */
  readonly programs: readonly (readonly string[])[];
}

const asUser = (id: number) => [
  "setpriv",
  `--reuid=${id}`,
  `--regid=${id}`,
  "--clear-groups",
  "--",
];
const user = asUser(1000);
/** Not the user of the innocent deeds, who would have no room for more processes. */
const crowdUser = asUser(1002);
const hog = (kind: string, count: number) => [
  ...user,
  attackProgram,
  "hog",
  kind,
  "600",
  `${count}`,
];
const again = (...argv: readonly string[]) => [
  ...user,
  ...["sh", "-c", 'while :; do "$@"; done', "sh", attackProgram, ...argv],
];
const hungry = "/sys/fs/cgroup/siege-hungry";

export const loads: readonly Load[] = [
  { name: "nothing", weight: 8, programs: [] },
  { name: "idle processes that take all time", weight: 2, programs: [hog("cpu", 12)] },
  { name: "thousands of processes", weight: 1, programs: [hog("processes", 1500)] },
  { name: "descriptors", weight: 1, programs: [hog("descriptors", 8)] },
  { name: "threads that end at once", weight: 2, programs: [hog("thread-exits", 40)] },
  {
    name: "memory",
    weight: 1,
    programs: [
      ["sh", "-c", `echo $$ > ${hungry}/cgroup.procs; exec "$0" "$@"`, ...hog("memory", 300)],
    ],
  },
  {
    name: "a storm of programs",
    weight: 2,
    programs: [again("storm", "exec", "200", "4", "/tmp/siege-storm")],
  },
  {
    name: "a storm of threads that start programs",
    weight: 1,
    programs: [again("storm", "threads", "200", "4", "/tmp/siege-storm")],
  },
  {
    name: "a storm of orphans",
    weight: 1,
    programs: [again("storm", "tree", "100", "4", "/tmp/siege-storm")],
  },
  {
    name: "a flood of events",
    weight: 2,
    programs: [again("write-storm", "/srv/open/watched", "20000", "0", "2")],
  },
  { name: "renames", weight: 2, programs: [again("rename-storm", "2", "/tmp/siege-churn")] },
  {
    name: "renames and idle processes",
    weight: 1,
    programs: [again("rename-storm", "2", "/tmp/siege-churn"), hog("cpu", 6)],
  },
  {
    name: "more processes than a table of 32,768 holds",
    weight: 1,
    programs: [["prlimit", "--nproc=unlimited", ...crowdUser, attackProgram, "crowd", "33500"]],
  },
  { name: "writers in deep paths", weight: 1, programs: [hog("deep-paths", 8)] },
];

/** Once, before the first load. */
export function layOutLoads(): void {
  // As on a large machine, where an ordinary user may have that many processes.
  writeFileSync("/proc/sys/kernel/pid_max", "4194304");
  writeFileSync("/proc/sys/kernel/threads-max", "80000");
  mkdirSync(hungry, { recursive: true });
  // A hungry program is stopped at its own limit.
  writeFileSync(`${hungry}/memory.max`, `${128 << 20}`);
}

/** Starts a load; it ends when the result is disposed of. */
export function startLoad(name: string): AsyncDisposable {
  const children = (loads.find((load) => load.name === name)?.programs ?? []).map((argv) =>
    spawn(argv[0] ?? "", argv.slice(1), { stdio: ["pipe", "ignore", "ignore"], detached: true }),
  );
  const ends = children.map((child) => new Promise((done) => child.once("exit", done)));
  return {
    async [Symbol.asyncDispose]() {
      for (const { pid, stdin } of children) {
        stdin?.on("error", () => {}).end();
        if (pid === undefined) continue;
        // It has a process group of its own, which may have ended.
        try {
          process.kill(-pid, "SIGKILL");
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
        }
      }
      await Promise.all(ends);
    },
  };
}
