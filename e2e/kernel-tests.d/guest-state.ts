// SPDX-License-Identifier: Apache-2.0
// What a test file can leave in a guest for the next one to stumble over.
import { execFileSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";

/** What there is: a name, and what it is like where that matters. Loaded modules harm nobody. */
export type GuestState = ReadonlyMap<string, string>;

const SETTINGS = "/proc/sys";
const CGROUPS = "/sys/fs/cgroup";
const folders = ["/etc", "/home/user", "/var/lib", "/run/gander"];
/** These change by themselves. */
const restless =
  /^\/proc\/sys\/(kernel\/(random|ns_last_pid|pty\/nr|perf_event_max_sample_rate|sched_domain)|fs\/(dentry-state|inode-|file-nr|aio-nr|quota)|net\/netfilter\/nf_conntrack_count|net\/ipv4\/(tcp_mem|udp_mem|tcp_fastopen_key))/;

export function readGuestState(): GuestState {
  const things = [
    ...lines("mounted", read("/proc/mounts")),
    ...names("/sys/class/net").map((name) => `network interface ${name}`),
    ...lines("address", read("/proc/net/if_inet6")),
    ...lines("address", (read("/proc/net/fib_trie").match(/[\d.]+/g) ?? []).join("\n")),
    ...below("/sys/fs/bpf")
      .filter(isMoreThanFolder)
      .map((path) => `pinned ${path}`),
    ...bpfPrograms(),
    ...processes(),
    ...below(CGROUPS).filter((path) => lookAt(path)?.isDirectory()),
    ...names("/sys/block").flatMap((name) =>
      lines(`${name} shows`, read(`/sys/block/${name}/loop/backing_file`)),
    ),
  ];
  const settings = [...below(SETTINGS), "/sys/kernel/debug/sched/preempt"]
    .filter((path) => !restless.test(path))
    .map((path): [string, string] => [path, read(path).trim()]);
  return new Map([
    ...things.map((thing): [string, string] => [thing, ""]),
    ...settings,
    ...folders.flatMap(below).map((path): [string, string] => [path, describeFile(path)]),
  ]);
}

/** What is there now and was not, what was and is not, and what has changed. */
export function difference(before: GuestState, now: GuestState): string[] {
  const found: string[] = [];
  for (const [name, value] of now) {
    const old = before.get(name);
    // Settings come with modules and network interfaces.
    if (old === value || (old === undefined && name.startsWith(SETTINGS))) continue;
    found.push(
      value === "" ? name : `${name} is ${value}${old === undefined ? "" : `, was ${old}`}`,
    );
  }
  for (const name of before.keys())
    if (!now.has(name) && !name.startsWith(SETTINGS)) found.push(`no longer ${name}`);
  return found;
}

/** Removes new files, and new cgroups without processes: what a test made for itself disturbs nobody then. */
export function sweep(before: GuestState, now: GuestState): void {
  const isOurs = (name: string) => [...folders, CGROUPS].some((at) => name.startsWith(`${at}/`));
  // What is in a folder comes after it.
  for (const name of [...now.keys()].reverse()) {
    if (before.has(name) || !isOurs(name)) continue;
    try {
      if (name.startsWith(CGROUPS)) rmdirSync(name);
      else rmSync(name, { recursive: true, force: true });
    } catch {
      // It stays, and is found again.
    }
  }
}

function bpfPrograms(): string[] {
  const listed = execFileSync("bpftool", ["prog", "show"], { encoding: "utf8" });
  return [...listed.matchAll(/^(\d+): .*$/gm)].map(([line]) => `BPF program ${line}`);
}

/** Not those of the kernel, which have no command line, and not this one. */
function processes(): string[] {
  return names("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) =>
      lines(`process ${pid}`, read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim()),
    );
}

/** A folder changes with what is in it, which is looked at itself. */
function describeFile(path: string): string {
  const stats = lookAt(path);
  if (stats === undefined || stats.isDirectory()) return "";
  return `mode ${stats.mode.toString(8)}, ${stats.size} bytes of ${stats.mtimeMs}`;
}

/** Undefined for what has gone since it was listed. */
const lookAt = (path: string) => lstatSync(path, { throwIfNoEntry: false });

/** A sensor that has stopped leaves the empty folder, as it found it or made it. */
const isMoreThanFolder = (path: string) =>
  lookAt(path)?.isDirectory() !== true || names(path).length > 0;

const below = (folder: string) => readdirSafely(folder, true);
const names = (folder: string) => readdirSafely(folder, false);

function readdirSafely(folder: string, recursive: boolean): string[] {
  try {
    if (!recursive) return readdirSync(folder);
    return readdirSync(folder, { recursive, withFileTypes: true }).map(
      (entry) => `${entry.parentPath}/${entry.name}`,
    );
  } catch {
    return [];
  }
}

/** Empty for what is not there or may only be written. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const lines = (what: string, text: string): string[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => `${what} ${line}`);
