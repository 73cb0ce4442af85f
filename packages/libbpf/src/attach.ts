// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readFileSync } from "node:fs";
import { argumentError, BpfError, kernelError } from "./bpf-error.ts";
import { checked, type Descriptor } from "./handle.ts";
import { type AttachType, attachTypes, numberOf } from "./kernel-names.ts";
import { type Errno, type NativeFd, native } from "./native.ts";

/** Where a program is attached: plain data, one shape for each way the kernel has. */
export type AttachPoint =
  /** LSM, fentry, fexit, fmod_ret, BTF tracepoints: to the function that it was loaded for. */
  | { readonly kind: "trace"; readonly cookie?: bigint }
  | { readonly kind: "raw_tracepoint"; readonly name: string; readonly cookie?: bigint }
  | {
      readonly kind: "tracepoint";
      readonly category: string;
      readonly name: string;
      readonly cookie?: bigint;
    }
  /** A kernel function's entry (or `offset` bytes behind it), or its return. */
  | {
      readonly kind: "kprobe";
      readonly function: string;
      readonly offset?: number;
      readonly onReturn?: boolean;
      readonly cookie?: bigint;
    }
  /** Many kernel functions at once, by name or by address; a cookie for each. */
  | {
      readonly kind: "kprobe_multi";
      readonly functions?: readonly string[];
      readonly addresses?: readonly bigint[];
      readonly cookies?: readonly bigint[];
      readonly onReturn?: boolean;
    }
  /**
   * A place in a program or library on disk, by function or by file offset; pid: only there. `counter`: offset
   * in the file of a number that the kernel raises while the probe is attached; 0 or absent: none.
   */
  | {
      readonly kind: "uprobe";
      readonly path: string;
      readonly function?: string;
      readonly offset?: number;
      readonly counter?: number;
      readonly pid?: number;
      readonly onReturn?: boolean;
      readonly cookie?: bigint;
    }
  | {
      readonly kind: "uprobe_multi";
      readonly path: string;
      readonly functions?: readonly string[];
      readonly offsets?: readonly number[];
      /** As many as places, in their order. */
      readonly counters?: readonly number[];
      readonly pid?: number;
      readonly onReturn?: boolean;
      readonly cookies?: readonly bigint[];
    }
  /** Over a map's elements, the tasks of one process (pid), one task (tid), or all. */
  | {
      readonly kind: "iterator";
      readonly map?: Descriptor;
      readonly tid?: number;
      readonly pid?: number;
    }
  /** A cgroup's directory; all below it too. */
  | { readonly kind: "cgroup"; readonly path: string };

export type AttachKind = AttachPoint["kind"];

/** The place that a program's section names, as in SEC("kprobe/tcp_connect"); else undefined. */
export function attachPointOf(section: string): AttachPoint | undefined {
  const name = section.replace(/^\?/, "");
  const slash = name.indexOf("/");
  const kind = (slash < 0 ? name : name.slice(0, slash)).replace(/\.s$/, "");
  const target = slash < 0 ? "" : name.slice(slash + 1);
  if (traceKinds.has(kind)) return { kind: "trace" };
  if (kind === "iter") return { kind: "iterator" };
  if (target === "") return undefined;
  return attachPointWithTarget(kind, target);
}

const traceKinds: ReadonlySet<string> = new Set(["lsm", "fentry", "fexit", "fmod_ret", "tp_btf"]);

function attachPointWithTarget(kind: string, target: string): AttachPoint | undefined {
  switch (kind) {
    case "kprobe":
    case "kretprobe": {
      const [name = "", offset = "0"] = target.split("+");
      return {
        kind: "kprobe",
        function: name,
        offset: Number(offset),
        onReturn: kind === "kretprobe",
      };
    }
    case "kprobe.multi":
    case "kretprobe.multi":
      // A pattern needs the list of all functions: the caller expands it.
      if (/[*?]/.test(target)) return undefined;
      return { kind: "kprobe_multi", functions: [target], onReturn: kind === "kretprobe.multi" };
    case "raw_tp":
    case "raw_tracepoint":
      return { kind: "raw_tracepoint", name: target };
    case "tp":
    case "tracepoint": {
      const [category = "", name = ""] = target.split("/");
      return { kind: "tracepoint", category, name };
    }
    case "uprobe":
    case "uretprobe": {
      const colon = target.lastIndexOf(":");
      if (colon < 0) return undefined;
      const where = { path: target.slice(0, colon), function: target.slice(colon + 1) };
      return { kind: "uprobe", ...where, onReturn: kind === "uretprobe" };
    }
    default:
      return undefined;
  }
}

/** A program as far as attaching is concerned. */
export interface Attachable extends Descriptor {
  readonly name: string;
  readonly attachType: AttachType | undefined;
}

type PointOf<K extends AttachKind> = Extract<AttachPoint, { kind: K }>;
type Attach<K extends AttachKind> = (
  program: Attachable,
  point: PointOf<K>,
  where: string,
) => NativeFd | Errno;

/** One row per kind: how it is attached, and its name in errors. */
const kinds: {
  readonly [K in AttachKind]: { name(point: PointOf<K>): string; attach: Attach<K> };
} = {
  trace: {
    name: () => "the function it was loaded for",
    attach: (program, point) =>
      native().linkTracing(program.fd, attachNumber(program, "trace_fentry"), point.cookie ?? 0n),
  },
  raw_tracepoint: {
    name: (point) => `raw tracepoint ${point.name}`,
    attach: (program, point) =>
      native().linkRawTracepoint(program.fd, text(point.name, "name"), point.cookie ?? 0n),
  },
  tracepoint: {
    name: (point) => `tracepoint ${point.category}/${point.name}`,
    attach: attachTracepoint,
  },
  kprobe: {
    name: (point) => `${point.onReturn ? "the return of " : ""}kernel function ${point.function}`,
    attach: attachKprobe,
  },
  kprobe_multi: {
    name: (point) => `${(point.functions ?? point.addresses ?? []).length} kernel functions`,
    attach: (program, point) =>
      native().linkKprobeMulti(
        program.fd,
        point.functions ?? null,
        point.functions === undefined ? numbers(point.addresses) : null,
        numbers(point.cookies),
        point.onReturn ? 1 : 0,
      ),
  },
  uprobe: { name: (point) => `${point.path}:${placeOf(point)}`, attach: attachUprobe },
  uprobe_multi: { name: (point) => point.path, attach: attachUprobeMulti },
  iterator: {
    name: () => "its iterator",
    attach: (program, { map, tid = 0, pid = 0 }) =>
      native().linkIterator(program.fd, map?.fd ?? null, tid, pid),
  },
  cgroup: { name: (point) => `cgroup ${point.path}`, attach: attachCgroup },
};

/** Attaches and gives the link's descriptor; throws BpfError. */
export function attachProgram(program: Attachable, point: AttachPoint): NativeFd {
  const kind = kinds[point?.kind];
  if (kind === undefined) throw argumentError(`Unknown kind of attachment "${point?.kind}".`);
  // The table's row and the point are of the same kind, which the compiler can't follow.
  const row = kind as { name(point: AttachPoint): string; attach: Attach<AttachKind> };
  const where = row.name(point);
  return checked(
    row.attach(program, point as never, where),
    "attach",
    `Cannot attach program "${program.name}" to ${where}`,
  );
}

function attachNumber(program: Attachable, example: AttachType): number {
  if (program.attachType === undefined)
    throw argumentError(
      `Cannot attach program "${program.name}": its attach type isn't known.`,
      `Give it where the program is adopted: { attachType: "${example}" }`,
    );
  return numberOf(attachTypes, program.attachType, "attach type");
}

// linux/perf_event.h
const perfTypeTracepoint = 2;

function attachTracepoint(program: Attachable, point: PointOf<"tracepoint">, where: string) {
  const path = `events/${text(point.category, "category")}/${text(point.name, "name")}/id`;
  const id = readFirst(["/sys/kernel/tracing", "/sys/kernel/debug/tracing"], path, program, where);
  using event = new PerfEvent(
    native().perfOpen(perfTypeTracepoint, BigInt(id), null, 0n, -1),
    where,
  );
  return native().linkPerf(program.fd, event.fd, point.cookie ?? 0n);
}

function attachKprobe(program: Attachable, point: PointOf<"kprobe">, where: string) {
  const { type, config } = probeType("kprobe", point.onReturn === true);
  const name = text(point.function, "function");
  using event = new PerfEvent(
    native().perfOpen(type, config, name, BigInt(point.offset ?? 0), -1),
    where,
  );
  return native().linkPerf(program.fd, event.fd, point.cookie ?? 0n);
}

function attachUprobe(program: Attachable, point: PointOf<"uprobe">, where: string) {
  const { type, config } = probeType("uprobe", point.onReturn === true);
  const path = text(point.path, "path");
  const offset = BigInt(fileOffset(path, point.function, point.offset));
  const { counter = 0 } = point;
  if (!Number.isInteger(counter) || counter < 0 || counter > 0xffffffff)
    throw argumentError(
      `Expected an offset of 32 bits as the attach point's counter, got ${counter}.`,
    );
  using event = new PerfEvent(
    // format/ref_ctr_offset: the upper half, since Linux 4.20.
    native().perfOpen(type, config | (BigInt(counter) << 32n), path, offset, point.pid ?? -1),
    where,
  );
  return native().linkPerf(program.fd, event.fd, point.cookie ?? 0n);
}

function attachUprobeMulti(program: Attachable, point: PointOf<"uprobe_multi">) {
  const path = text(point.path, "path");
  const offsets = [
    ...(point.offsets ?? []),
    ...(point.functions ?? []).map((name) => fileOffset(path, name, 0)),
  ].map(BigInt);
  return native().linkUprobeMulti(
    program.fd,
    path,
    BigUint64Array.from(offsets),
    numbers(point.counters?.map(BigInt)),
    numbers(point.cookies),
    point.pid ?? 0,
    point.onReturn ? 1 : 0,
  );
}

function attachCgroup(program: Attachable, point: PointOf<"cgroup">, where: string) {
  let directory: number;
  try {
    directory = openSync(text(point.path, "path"), "r");
  } catch (cause) {
    throw notThere(program, where, cause);
  }
  try {
    return native().linkCgroup(
      program.fd,
      directory,
      attachNumber(program, "cgroup_inet4_connect"),
    );
  } finally {
    closeSync(directory);
  }
}

/** Lives as long as it takes to attach: the link keeps the event. */
class PerfEvent implements Disposable {
  readonly fd: NativeFd;

  constructor(fd: NativeFd | Errno, where: string) {
    if (typeof fd === "number")
      throw kernelError(fd, "attach", `Cannot open a perf event at ${where}`, {
        hint:
          fd === -1 || fd === -13
            ? "With /proc/sys/kernel/perf_event_paranoid at 3 (Debian) it takes CAP_SYS_ADMIN."
            : "Is the function's name right, and may it be probed (/sys/kernel/debug/kprobes/blacklist)?",
      });
    this.fd = fd;
  }

  [Symbol.dispose](): void {
    native().fdClose(this.fd);
  }
}

/** How perf asks for a probe: see /sys/bus/event_source/devices. */
function probeType(device: "kprobe" | "uprobe", onReturn: boolean) {
  const folder = `/sys/bus/event_source/devices/${device}`;
  try {
    const type = Number(readFileSync(`${folder}/type`, "utf8"));
    const bit = /config:(\d+)/.exec(readFileSync(`${folder}/format/retprobe`, "utf8"))?.[1] ?? "0";
    return { type, config: onReturn ? 1n << BigInt(bit) : 0n };
  } catch (cause) {
    throw new BpfError("UNSUPPORTED", `This kernel has no ${device}s (${folder} can't be read).`, {
      cause,
    });
  }
}

function readFirst(
  folders: readonly string[],
  path: string,
  program: Attachable,
  where: string,
): string {
  let failure: unknown;
  for (const folder of folders) {
    try {
      return readFileSync(`${folder}/${path}`, "utf8").trim();
    } catch (cause) {
      failure = cause;
    }
  }
  throw notThere(program, where, failure);
}

function notThere(program: Attachable, where: string, cause: unknown): BpfError {
  const code = ((cause as NodeJS.ErrnoException).code ?? "ENOENT") as `E${string}`;
  return new BpfError(code, `Cannot attach program "${program.name}" to ${where}: ${code}.`, {
    operation: "attach",
    cause,
  });
}

function fileOffset(path: string, name: string | undefined, offset = 0): number {
  if (name === undefined) return offset;
  const start = native().symbolOffset(path, text(name, "function"));
  if (start < 0)
    throw kernelError(start, "attach", `Cannot find function ${name} in ${path}`, {
      hint: "Is it exported, or has the file been stripped? An offset works without a name.",
    });
  return start + offset;
}

function placeOf(point: PointOf<"uprobe">): string {
  return point.function ?? `0x${(point.offset ?? 0).toString(16)}`;
}

function numbers(values: readonly bigint[] | undefined): BigUint64Array | null {
  return values === undefined ? null : BigUint64Array.from(values);
}

function text(value: unknown, what: string): string {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return value;
  throw argumentError(`Expected a text as the attach point's ${what}, got ${String(value)}.`);
}
