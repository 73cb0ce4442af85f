// SPDX-License-Identifier: Apache-2.0
import { link, mkdir, readdir, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { GanderError } from "@gander/base";

/**
 * Locks a directory of pinned objects for one sensor. The lock is a symbolic link to the holder's pid and
 * start time, so that one left by a killed sensor is ignored. A link appears with its content or not at all,
 * never over another, and needs no space on a full disk.
 * Throws GanderError `sensor-already-running` while the holder lives.
 */
export async function lockInstance(bpfDir: string): Promise<AsyncDisposable> {
  await mkdir(bpfDir, { recursive: true, mode: 0o700 });
  const path = join(bpfDir, "lock");
  const own = await identityOf(process.pid);
  if (own === undefined) throw new Error("/proc does not know this process");
  await take(own, path, bpfDir);
  await removeAsides(bpfDir);
  return {
    async [Symbol.asyncDispose]() {
      if ((await holderOf(path)) === own) await rm(path, { force: true });
    },
  };
}

const ATTEMPTS = 8;

async function take(own: string, path: string, bpfDir: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await isFirst(symlink(own, path))) return;
    const holder = await holderOf(path);
    if (holder === undefined) continue;
    const pid = Number(holder.split(" ")[0]);
    if ((await identityOf(pid)) === holder) throw alreadyRunning(pid, bpfDir);
    await removeStale(path, `${path}-${process.pid}`, holder);
  }
  throw new GanderError(
    "sensor-already-running",
    `Cannot lock ${path}: others take it all the time`,
  );
}

/** Moved away before it is checked again: if it is another holder's by now, that gets it back. */
async function removeStale(path: string, aside: string, holder: string): Promise<void> {
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await holderOf(aside)) !== holder) await isFirst(link(aside, path));
  await rm(aside, { force: true });
}

/** Removes the links of processes that were killed before they had removed a stale link. */
async function removeAsides(bpfDir: string): Promise<void> {
  for (const name of await readdir(bpfDir)) {
    const [, pid] = /^lock-(\d+)$/.exec(name) ?? [];
    if (pid === undefined || (await identityOf(Number(pid))) !== undefined) continue;
    await rm(join(bpfDir, name), { force: true });
  }
}

async function isFirst(made: Promise<void>): Promise<boolean> {
  try {
    await made;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined: no holder. Anything but a link was never a sensor's lock. */
async function holderOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EINVAL" ? "" : undefined;
  }
}

/** `pid starttime` of proc_pid_stat(5), fields 1 and 22; undefined if there is no such process. */
async function identityOf(pid: number): Promise<string | undefined> {
  const stat = await readText(`/proc/${pid}/stat`);
  // The name of the program, in parentheses, may contain any character.
  const startTime = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return startTime === undefined ? undefined : `${pid} ${startTime}`;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}

function alreadyRunning(pid: number, bpfDir: string): GanderError {
  return new GanderError(
    "sensor-already-running",
    `Cannot start: process ${pid} is already the sensor for ${bpfDir}`,
    {
      hint: "Stop it first (systemctl stop gander, or Ctrl-C), or give this one its own --bpf-dir and --server-address.",
    },
  );
}
