// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type AttackResult, attack, run } from "./attack.ts";

/** A way to change a file below a directory: how the attack writes it, and how it reaches it. */
export interface FileAttack {
  readonly method: string;
  readonly route: string;
  /**
   * Why a policy on `security_file_permission` with a path prefix can't stop it, whatever the
   * sensor does; undefined: it must be stopped.
   */
  readonly outOfReach?: string;
  /** False if a kernel or file system may lack it. */
  readonly everywhere: boolean;
  /** The attacker's end when it is stopped; by default it is killed. */
  readonly whenStopped?: "refused";
}

const otherHook = (hook: string) => `the kernel asks ${hook}, not security_file_permission`;
const otherPath = "the file is open by a path outside of the prefix";

type About = Partial<Pick<FileAttack, "outOfReach" | "everywhere" | "whenStopped">>;

const methods: Readonly<Record<string, About>> = {
  write: {},
  pwrite: {},
  append: {},
  writev: {},
  pwritev2: {},
  "pwritev2-append": {},
  direct: {},
  sync: {},
  splice: {},
  vmsplice: {},
  sendfile: {},
  "copy-file-range": {},
  uring: {},
  "uring-fixed": {},
  "uring-worker": {},
  "uring-polled": {},
  "uring-splice": {},
  aio: {},
  compat: { everywhere: false },
  clone: { everywhere: false },
  "punch-hole": {},
  fallocate: {},
  "zero-range": {},
  "madvise-remove": {},
  ftruncate: { outOfReach: otherHook("security_path_truncate") },
  mmap: { outOfReach: otherHook("security_mmap_file when it is mapped") },
  "move-extents": { outOfReach: otherHook("security_file_ioctl, of the other file") },
  "loop-direct": {
    everywhere: false,
    outOfReach: "the kernel asks nobody what the loop driver, set up by root, writes",
  },
  accounting: { outOfReach: "the kernel asks nobody what it notes for root of processes that end" },
  // The process that dumps core dies for another reason.
  "core-dump": { whenStopped: "refused" },
  "core-dump-thread": { whenStopped: "refused" },
  "core-dump-pattern": { whenStopped: "refused" },
  "core-dump-as-root": { whenStopped: "refused" },
};

const routes: Readonly<Record<string, About>> = {
  open: {},
  relative: {},
  "working-directory": {},
  "in-root": {},
  beneath: {},
  dots: {},
  "proc-root": {},
  "proc-fd": {},
  symlink: {},
  "from-other-process": {},
  "taken-from-process": {},
  "renamed-to": {},
  "directory-renamed-to": {},
  "deep-20": {},
  "deep-60": {},
  "deep-500": {},
  "deep-1900": {},
  "deep-3000": {},
  "long-2": {},
  "long-15": {},
  "long-40": {},
  chroot: {},
  "chroot-later": {},
  namespaces: {},
  "user-namespace": { everywhere: false },
  nameless: {},
  "bound-over": {},
  "tmpfs-over": {},
  "overlay-over": {},
  "mount-moved-to": {},
  "hard-link": { outOfReach: otherPath },
  handle: { outOfReach: "a file opened by handle need not have a path" },
  "bound-elsewhere": { outOfReach: otherPath },
  "detached-tree": { outOfReach: otherPath },
  unmounted: { outOfReach: "the mount it was opened in hangs nowhere any more" },
  "overlay-upper": { outOfReach: otherPath },
};

/** Routes to a directory that can hold a core dump. */
const dumpRoutes = [
  ...["working-directory", "deep-20", "chroot", "namespaces", "user-namespace"],
  ...["tmpfs-over", "overlay-over", "mount-moved-to"],
];

/** Every method on a plain file, and every route with a plain write and some with a core dump. */
export const fileAttacks: readonly FileAttack[] = [
  ...Object.entries(methods).map(([method, about]) => ({
    ...{ method, route: "open", everywhere: true },
    ...about,
  })),
  ...Object.entries(routes)
    .filter(([route]) => route !== "open")
    .map(([route, about]) => ({ ...{ method: "write", route, everywhere: true }, ...about })),
  ...dumpRoutes.map((route) => ({
    ...{ method: "core-dump", route, everywhere: true, whenStopped: "refused" as const },
    ...routes[route],
  })),
];

const original = "original\n".repeat(1000);

/** A directory with one file, put in place by renaming, which no policy on writes forbids. */
export class Target {
  readonly directory: string;
  readonly file: string;

  constructor(directory: string) {
    this.directory = directory;
    this.file = `${directory}/target`;
    const staging = `/var/tmp/staging-${process.pid}`;
    mkdirSync(staging);
    writeFileSync(`${staging}/target`, original);
    renameSync(staging, directory);
  }

  attack({ method, route }: FileAttack): AttackResult {
    if (route === "directory-renamed-to") rmSync(this.directory, { recursive: true });
    return attack("write", method, route, this.file, `landed by ${method} ${route}`);
  }

  /** Whether anything below the directory has changed. */
  landed(): boolean {
    // grep, because some paths exceed the length limit of a path.
    if (run("grep", ["-rqsF", "landed by", this.directory]).status === 0) return true;
    const content = existsSync(this.file) ? readFileSync(this.file, "utf8") : "";
    // A directory that was moved there is empty: moving is not writing.
    return content !== original && content !== "";
  }

  [Symbol.dispose](): void {
    const mounted = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[1] ?? "")
      .filter((path) => path.startsWith(this.directory) || path.startsWith("/var/tmp/attack"));
    for (const path of mounted.reverse()) run("umount", ["-l", path]);
    execFileSync("sh", ["-c", 'rm -rf "$1" /var/tmp/attack*', "sh", this.directory]);
  }
}
