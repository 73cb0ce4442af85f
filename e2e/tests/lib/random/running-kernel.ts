// SPDX-License-Identifier: Apache-2.0
// What this machine has that a policy can hook.
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { ArgType } from "@gander/crd-schemas";
import { readCType } from "../../../../packages/policy/src/kernel-check/c-type.ts";
import { typeFor } from "../../../../packages/policy/src/kernel-check/check-prototype.ts";
import type { RunningKernelFacts } from "../../../../packages/sensor/src/kernel/read-running-kernel.ts";
import type { Target } from "./target.ts";

const tracing = "/sys/kernel/tracing";

const behindFile = [
  { resolve: "f_path.dentry.d_name.name", type: "string" },
  { resolve: "f_flags", type: "uint32" },
  { resolve: "f_inode.i_ino", type: "uint64" },
] as const;

export function targetsOf(facts: RunningKernelFacts): readonly Target[] {
  const names = readFileSync(`${tracing}/available_filter_functions`, "utf8")
    .split("\n")
    .filter((line) => !line.includes("["))
    .map((line) => line.split(" ")[0] ?? "");
  const plain = /^(security_|vfs_|do_|tcp_|udp_|inet_|ip_|path_|fd_|commit_creds|cap_)\w+$/;
  const functions = names.filter((name) => plain.test(name));
  const hooks = functions
    .filter((name) => name.startsWith("security_"))
    .map((name) => name.slice("security_".length));
  facts.prefetch([...functions, ...hooks.map((name) => `bpf_lsm_${name}`)]);
  const target = (section: Target["section"], name: string, symbol: string): Target[] => {
    const prototype = facts.prototype(symbol);
    if (prototype === undefined) return [];
    const parameters = prototype.parameters.map(({ type }) => typeOf(type));
    const behind = Object.fromEntries(
      parameters.flatMap((type, i) => (type === "file" ? [[i, behindFile] as const] : [])),
    );
    const returns = typeOf(prototype.returnType);
    return [{ section, name, syscall: false, raw: false, parameters, behind, returns }];
  };
  const calls = names
    .filter((name) => name.startsWith("__x64_sys_"))
    .map((name): Target => {
      const call = name.slice("__x64_".length);
      const of = { syscall: true, raw: false, parameters: [], returns: "int64" } as const;
      return { section: "kprobes", name: call, ...of };
    });
  return [
    ...functions.flatMap((name) => target("kprobes", name, name)),
    ...hooks.flatMap((name) => target("lsmhooks", name, `bpf_lsm_${name}`)),
    ...calls,
    // Fewer of them, but no less code.
    ...repeated(200, tracepoints(facts)),
    ...repeated(200, programs),
  ];
}

const typeOf = (type: string): ArgType | undefined => typeFor(readCType(type));

const repeated = (times: number, list: readonly Target[]): readonly Target[] =>
  Array.from({ length: times }, (_, i) => list[i % list.length]).filter((one) => one !== undefined);

function tracepoints(facts: RunningKernelFacts): readonly Target[] {
  return ["sched", "signal", "syscalls", "net", "sock"].flatMap((subsystem) =>
    eventsOf(subsystem).flatMap((event): Target[] => {
      const name = `${subsystem}/${event}`;
      const of = { section: "tracepoints", name, syscall: false, returns: undefined } as const;
      const fields = facts.tracepointFormat(subsystem, event)?.fields ?? [];
      const record = { ...of, raw: false, parameters: fields.map(({ type }) => fieldType(type)) };
      const raw = facts.rawTracepoint(event)?.parameters.map(({ type }) => typeOf(type));
      return raw === undefined ? [record] : [record, { ...of, raw: true, parameters: raw }];
    }),
  );
}

function eventsOf(subsystem: string): readonly string[] {
  const entries = readdirSync(`${tracing}/events/${subsystem}`, { withFileTypes: true });
  const events = entries.filter((one) => one.isDirectory()).map(({ name }) => name);
  return subsystem === "syscalls"
    ? events.filter((name) => /_(openat|kill|write)$/.test(name))
    : events;
}

function fieldType(type: string): ArgType | undefined {
  if (type.startsWith("__data_loc char[]")) return "data_loc";
  return /^char ?\[\d+\]$/.test(type) ? "string" : typeOf(type);
}

const probed = resolve(import.meta.dirname, "../../../../bpf/build/test/probed");

const ofProgram = { syscall: false, raw: false } as const;
const numbers = ["int", "string", "uint64", "fd", "uint8", "int16"] as const;
/** What they pass (bpf/test/probed.c). */
const probes: Readonly<Record<string, readonly ArgType[]>> = {
  forms: ["int", "string", "string", "int", "uint32", "uint64", "uint16", "uint8"],
  sold: ["int", "string"],
  creating: ["string"],
  counted: ["int"],
  asked: ["int", "int", "uint64", "int"],
};
const programs: readonly Target[] = [
  {
    ...{ section: "uprobes", name: `${process.execPath}:main`, ...ofProgram },
    ...{ parameters: numbers, returns: "int" },
  },
  {
    section: "uprobes",
    name: `${probed}:main`,
    ...ofProgram,
    parameters: numbers,
    returns: "uint64",
  },
  ...Object.entries(probes).map(([name, parameters]): Target => {
    const probe = `${probed}:shop:${name}`;
    return { section: "usdts", name: probe, ...ofProgram, parameters, returns: undefined };
  }),
];
