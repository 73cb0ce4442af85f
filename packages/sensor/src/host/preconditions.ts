// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statfsSync, statSync } from "node:fs";
import { release } from "node:os";
import { dirname } from "node:path";
import { GanderError } from "@gander/base";
import { findTypes, readKernelBtf } from "@gander/libbpf";

/** The facts that the checks use, all read without loading anything. */
export type Host = {
  /** uname -r */
  readonly release: string;
  /** Bits of capabilities(7) in effect. */
  readonly capabilities: bigint;
  /** Inode number of its pid namespace. */
  readonly pidNamespace: bigint;
  /** f_type of statfs(2), of the path or the nearest folder above it that exists. */
  fileSystem(path: string): number;
  exists(path: string): boolean;
  /** Which of these functions the kernel has, by its BTF; none without BTF. Takes 20 ms. */
  functions(names: readonly string[]): ReadonlySet<string>;
};

/** What a sensor is started for. */
export type Wanted = {
  /** Where programs are pinned; it need not exist. */
  readonly bpfFolder: string;
  /** The mount point of cgroup v2. */
  readonly cgroupRoot: string;
  /** It holds processes of new pods, and lets them go. */
  readonly holdsPods: boolean;
};

/** `start`: to guard the machine; `remove`: to remove what sensors have left on it. */
export type Purpose = "start" | "remove";

type Precondition = {
  readonly isMet: (host: Host, wanted: Wanted) => boolean;
  /** What is missing, why it is needed, and what to do. */
  readonly sentence: (host: Host, wanted: Wanted) => string;
  readonly isForRemoving?: true;
};

/** Its number in capabilities(7), others that include it, and what the sensor does with it. */
type Capability = {
  readonly bit: bigint;
  readonly orBit?: bigint;
  readonly use: string;
  readonly isForRemoving?: true;
  readonly isForHolding?: true;
};

const sysAdmin = 21n;

/** Those that the chart grants, KILL only with `sensor.newPods: hold`: e2e/tests/preconditions.kernel-test.ts compares the two. */
export const capabilities: Readonly<Record<string, Capability>> = {
  BPF: {
    bit: 39n,
    orBit: sysAdmin,
    use: "loads programs and opens their pins",
    isForRemoving: true,
  },
  PERFMON: {
    ...{ bit: 38n, orBit: sysAdmin, isForRemoving: true },
    use: "lets programs read kernel memory and attaches them to functions",
  },
  SYSLOG: { bit: 34n, use: "reads the address where the kernel counts renames" },
  SYS_PTRACE: { bit: 19n, use: "reads programs and namespaces of other processes in /proc" },
  DAC_READ_SEARCH: { bit: 2n, use: "finds files in folders of other users" },
  KILL: { bit: 5n, use: "lets go what it holds (--new-pods hold)", isForHolding: true },
};

/** BPF_FS_MAGIC and CGROUP2_SUPER_MAGIC of linux/magic.h. */
const fileSystems = { bpf: 0xcafe_4a11, cgroup2: 0x6367_7270 } as const;
/** The number of the host's pid namespace: PROC_PID_INIT_INO of linux/proc_ns.h. */
const hostPidNamespace = 0xefff_fffcn;
const btf = "/sys/kernel/btf/vmlinux";
const tracepoints = ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"];
/** The oldest that is tested: decision 0004. */
const oldest = [6, 1] as const;
/**
 * What the programs call and Linux before 5.17 lacks, and the kernel's functions for it (kernel/bpf/bpf_iter.c,
 * kernel/trace/bpf_trace.c). Distributions have them in kernels with older numbers.
 */
const helpers = { bpf_loop: "bpf_loop", bpf_get_func_arg: "get_func_arg" } as const;

const preconditions: readonly Precondition[] = [
  {
    isMet: (host) => isAtLeast(host.release, oldest) || missingHelpers(host).length === 0,
    sentence: (host) =>
      `The kernel is Linux ${host.release}, which lacks ${missingHelpers(host).join(" and ")}, as the programs need: run Linux ${oldest.join(".")} or newer.`,
  },
  ...Object.entries(capabilities).map(([name, capability]) => ({
    isMet: ({ capabilities: bits }: Host, { holdsPods }: Wanted) =>
      (capability.isForHolding === true && !holdsPods) ||
      has(bits, capability.bit) ||
      (capability.orBit !== undefined && has(bits, capability.orBit)),
    sentence: () =>
      `CAP_${name} is missing, with which the sensor ${capability.use}: add ${name} to securityContext.capabilities of its container, or run it as root outside of one.`,
    ...(capability.isForRemoving && { isForRemoving: true as const }),
  })),
  {
    isMet: ({ pidNamespace }, { holdsPods }) => !holdsPods || pidNamespace === hostPidNamespace,
    sentence: () =>
      "The sensor is not in the host's pid namespace, by whose numbers it lets go what it holds (--new-pods hold): set hostPID on its pod, or use --new-pods observe.",
  },
  {
    isMet: ({ exists }) => exists(btf),
    sentence: () =>
      `BTF is missing (${btf}), by which programs are fitted to the kernel: use a kernel that was built with CONFIG_DEBUG_INFO_BTF.`,
  },
  {
    isMet: ({ exists }) => tracepoints.some(exists),
    sentence: () =>
      "tracefs is missing (/sys/kernel/tracing), by which the sensor knows the kernel's tracepoints: run `mount -t tracefs tracefs /sys/kernel/tracing` on the node, and if its pod does not see it, add that folder to the chart's `sensor.extraHostPathMounts`.",
  },
  {
    isMet: ({ fileSystem }, { bpfFolder }) => fileSystem(bpfFolder) === fileSystems.bpf,
    sentence: (_, { bpfFolder }) =>
      `A bpf file system is missing at ${dirname(bpfFolder)}, where programs are pinned to outlive the sensor: run \`mount -t bpf bpf ${dirname(bpfFolder)}\` on the node.`,
    isForRemoving: true,
  },
  {
    isMet: ({ fileSystem }, { cgroupRoot }) => fileSystem(cgroupRoot) === fileSystems.cgroup2,
    sentence: (_, { cgroupRoot }) =>
      `cgroup v2 is missing at ${cgroupRoot}, by which the sensor knows the pod of a process: boot the node with \`systemd.unified_cgroup_hierarchy=1\`.`,
  },
];

/** The sentences of all preconditions that do not hold; none: the sensor can start, or remove. */
export function missingPreconditions(
  host: Host,
  wanted: Wanted,
  purpose: Purpose = "start",
): readonly string[] {
  return preconditions
    .filter(({ isForRemoving }) => purpose === "start" || isForRemoving === true)
    .filter(({ isMet }) => !isMet(host, wanted))
    .map(({ sentence }) => sentence(host, wanted));
}

/**
 * Throws GanderError `sensor-precondition`, with one sentence for each thing that this machine or this
 * process lacks. Throws Error if the system refuses to let it be checked.
 */
export function requirePreconditions(wanted: Wanted, purpose: Purpose): void {
  const missing = missingPreconditions(readHost(), wanted, purpose);
  if (missing.length > 0) throw new GanderError("sensor-precondition", missing.join("\n"));
}

function readHost(): Host {
  return {
    release: release(),
    capabilities: effectiveCapabilities(readFileSync("/proc/self/status", "utf8")),
    pidNamespace: statSync("/proc/self/ns/pid", { bigint: true }).ino,
    fileSystem: (path) => statfsSync(existingFolder(path)).type,
    exists,
    functions: (names) =>
      new Set(exists(btf) ? findTypes(readKernelBtf(), "func", names).keys() : []),
  };
}

function missingHelpers({ functions }: Host): readonly string[] {
  const found = functions(Object.values(helpers));
  return Object.entries(helpers).flatMap(([name, of]) => (found.has(of) ? [] : name));
}

/** `status`: proc_pid_status(5). */
export function effectiveCapabilities(status: string): bigint {
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
}

function existingFolder(path: string): string {
  return path === "/" || exists(path) ? path : existingFolder(dirname(path));
}

/** What another user may not see is not missing: then capabilities are. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EACCES") return true;
    throw error;
  }
}

const has = (bits: bigint, bit: bigint) => ((bits >> bit) & 1n) === 1n;

function isAtLeast(running: string, [major, minor]: readonly [number, number]): boolean {
  const [theirs = 0, theirMinor = 0] = running.split(".").map((part) => Number.parseInt(part, 10));
  return theirs > major || (theirs === major && theirMinor >= minor);
}
