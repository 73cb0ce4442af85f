// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statfsSync, statSync } from "node:fs";
import { release, version } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { redactKernelParameters } from "./redact.ts";

/** The process of a running sensor. */
export type SensorProcess = {
  readonly pid: number;
  readonly argv: readonly string[];
  /** Only GANDER_… and NODE_NAME. */
  readonly env: Readonly<Record<string, string>>;
};

/** Of this machine; undefined: none is seen. */
export function findSensorProcess(): SensorProcess | undefined {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const words = textOf(`/proc/${name}/cmdline`).split("\0").slice(0, -1);
    const at = words.findIndex(
      (word, i) =>
        word === "run" && /(^|\/)(gander(\.m?js)?|main\.[jt]s)$/.test(words[i - 1] ?? ""),
    );
    if (at < 0) continue;
    const env = textOf(`/proc/${name}/environ`)
      .split("\0")
      .map((one) => /^(GANDER_\w+|NODE_NAME)=(.*)$/s.exec(one))
      .flatMap((found) => (found === null ? [] : [[found[1] ?? "", found[2] ?? ""] as const]));
    return { pid: Number(name), argv: words.slice(at + 1), env: Object.fromEntries(env) };
  }
  return undefined;
}

/** Files of the archive: this machine, as far as it concerns the sensor. */
export function hostFiles(): ReadonlyMap<string, string> {
  const mounts = textOf("/proc/self/mounts")
    .split("\n")
    .filter((line) => / (bpf|cgroup2?|tracefs|debugfs|securityfs) /.test(line));
  const config = kernelConfiguration()
    .split("\n")
    .filter((line) =>
      /^CONFIG_(\w*BPF\w*|\w*LSM\w*|DEBUG_INFO_BTF\w*|\w*FPROBE\w*|\w*KPROBE\w*|UPROBES|FTRACE\w*|FUNCTION_\w+|\w*CGROUP\w*|SECURITY\w*|IMA\w*|BPF_KPROBE_OVERRIDE|HZ)=/.test(
        line,
      ),
    );
  return new Map([
    ["host/kernel.txt", `${release()}\n${version()}\n`],
    ["host/kernel-parameters.txt", `${redactKernelParameters(textOf("/proc/cmdline"))}\n`],
    ["host/kernel-configuration.txt", `${config.join("\n")}\n`],
    ["host/security-modules.txt", textOf("/sys/kernel/security/lsm")],
    ["host/mounts.txt", `${mounts.join("\n")}\n`],
    ["host/memory.txt", textOf("/proc/meminfo")],
    [
      "host/pressure.txt",
      ["cpu", "memory", "io"].map((one) => `${one}\n${textOf(`/proc/pressure/${one}`)}`).join(""),
    ],
    [
      "host/bpf-settings.txt",
      ["unprivileged_bpf_disabled", "bpf_stats_enabled"]
        .map((one) => `${one}: ${textOf(`/proc/sys/kernel/${one}`)}`)
        .join(""),
    ],
    ["host/kernel-log.txt", outputOf("dmesg", [])],
    ["sensor/journal.txt", outputOf("journalctl", ["--unit=gander", "--lines=5000", "--no-pager"])],
  ]);
}

/** Files about the process: its limits, memory, and the BPF objects that it holds. */
export function processFiles({ pid }: SensorProcess): ReadonlyMap<string, string> {
  const objects = namesIn(`/proc/${pid}/fd`).flatMap((fd) => {
    const what = linkOf(`/proc/${pid}/fd/${fd}`);
    return what.startsWith("anon_inode:bpf")
      ? [`${what.slice("anon_inode:".length)}\n${textOf(`/proc/${pid}/fdinfo/${fd}`)}`]
      : [];
  });
  return new Map([
    ["sensor/process-status.txt", textOf(`/proc/${pid}/status`)],
    ["sensor/process-limits.txt", textOf(`/proc/${pid}/limits`)],
    ["sensor/bpf-objects.txt", objects.join("\n")],
  ]);
}

/** Names, sizes and times below a folder, not the content. */
export function listing(folder: string, depth = 3): string {
  const lines = namesIn(folder).flatMap((name): string[] => {
    const path = join(folder, name);
    const info = statOf(path);
    const line = `${path} ${info === undefined ? "?" : `${(info.mode & 0o7777).toString(8)} ${info.uid} ${info.size} ${info.mtime.toISOString()}`}`;
    return info?.isDirectory() === true && depth > 1
      ? [
          line,
          ...listing(path, depth - 1)
            .split("\n")
            .filter(Boolean),
        ]
      : [line];
  });
  return lines
    .slice(0, 20_000)
    .map((line) => `${line}\n`)
    .join("");
}

/** Share of a file system that is free; undefined: it can't be asked. */
export function freeShare(path: string): number | undefined {
  try {
    const { bavail, blocks } = statfsSync(path);
    return blocks === 0 ? undefined : bavail / blocks;
  } catch {
    return undefined;
  }
}

function kernelConfiguration(): string {
  try {
    return gunzipSync(readFileSync("/proc/config.gz")).toString();
  } catch {
    return textOf(`/boot/config-${release()}`);
  }
}

function outputOf(program: string, args: readonly string[]): string {
  const { stdout = "", error } = spawnSync(program, args, {
    encoding: "utf8",
    timeout: 20_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return error === undefined ? stdout : `${error.message}\n`;
}

const textOf = (path: string): string => attempt(() => readFileSync(path, "utf8")) ?? "";
const linkOf = (path: string): string => attempt(() => readlinkSync(path)) ?? "";
const namesIn = (path: string): readonly string[] => attempt(() => readdirSync(path).sort()) ?? [];
const statOf = (path: string) => attempt(() => statSync(path));

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
