// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import {
  type AttachPoint,
  type BpfLink,
  type BpfMap,
  cloneProgram,
  findTypes,
  loadObject,
  RingBuffer,
  readIterator,
  readKernelBtf,
  readObject,
  setVariables,
} from "../../packages/libbpf/src/index.ts";
import { writeHelper } from "../../packages/sensor/src/kernel/hook-programs.ts";
import { feature } from "../../packages/sensor/src/link/abi.gen.ts";
import { type AnyRecord, decodeRecord } from "./record.ts";
import { createTables, type Tables } from "./tables.ts";

const read = (name: string) =>
  readObject(readFileSync(new URL(`../build/${name}.bpf.o`, import.meta.url)), name);

/** A program of hook.bpf.c and the target of its clone. */
export type Hook = {
  readonly id: number;
  readonly nargs: number;
  readonly flags?: number;
  /** Features that the program is loaded without; none by default. */
  readonly lacks?: number;
} & (
  | { readonly kind: "lsm" | "fentry" | "fexit" | "fmod_ret"; readonly target: string }
  | { readonly kind: "kprobe" | "kretprobe" | "kprobe_multi"; readonly target: string }
  | { readonly kind: "raw_tp"; readonly target: string }
  | { readonly kind: "tracepoint"; readonly target: readonly [category: string, name: string] }
);

type WithoutId<H> = H extends Hook ? Omit<H, "id"> : never;
/** A hook whose id the test does not choose. */
export type Place = WithoutId<Hook>;

const traced = {
  lsm: "bpf_lsm_file_permission",
  fentry: "security_file_permission",
  fexit: "security_file_permission",
  fmod_ret: "security_file_permission",
};

/** All programs in this kernel, with tables to write by hand and a ring to read. */
export interface Guard extends Disposable {
  readonly tables: Tables;
  attach(hook: Hook): BpfLink;
  /** The path cache needs this besides CONFIG_PATH_CACHE. */
  attachFileFree(): BpfLink;
  map(name: string): BpfMap;
  /** The records that wait in the ring. */
  drain(): AnyRecord[];
  /** The same, counted by type only. */
  drainTypes(into: Map<number, number>): void;
  scanTasks(): AnyRecord[];
  faults(): Record<string, number>;
  lifecycle(type: string): { produced: number; lost: number };
}

export interface GuardOptions {
  readonly ringBytes?: number;
  readonly procs?: number;
  /** Which mains can be attached; each costs a verification. All by default. */
  readonly kinds?: readonly Hook["kind"][];
}

export function createGuard({ ringBytes = 8 << 20, procs, kinds }: GuardOptions = {}): Guard {
  const processSpec = read("process");
  const events = processSpec.maps.get("events");
  const procsSpec = processSpec.maps.get("procs");
  if (events === undefined || procsSpec === undefined)
    throw new Error("process.bpf.o has no events or procs");
  events.maxEntries = ringBytes;
  if (procs !== undefined) procsSpec.maxEntries = procs;
  setVariables(processSpec, { rename_lock_at: symbol("rename_lock") });
  const lifecycle = loadObject(processSpec);
  const hookSpec = read("hook");
  const kernel = readKernelBtf();
  for (const program of hookSpec.programs.values()) {
    if (program.name === "hook__file_free") {
      program.load = true;
      continue;
    }
    const kind = program.name.replace("hook__", "") as Hook["kind"];
    // What hashes files is attached by the sensor alone.
    program.load = program.name.startsWith("hook__") && (kinds?.includes(kind) ?? true);
    if (kind in traced)
      program.attachTarget = { btfId: functionId(traced[kind as keyof typeof traced]) };
  }
  const shared = Object.fromEntries(
    [...hookSpec.maps.keys()]
      .filter((name) => !name.startsWith(".") && processSpec.maps.has(name))
      .map((name) => [name, lifecycle.map(name)]),
  );
  setVariables(hookSpec, {
    rename_lock_at: symbol("rename_lock"),
    mount_lock_at: symbol("mount_lock"),
  });
  const hooks = loadObject(hookSpec, { maps: shared });
  const links: BpfLink[] = [];
  for (const program of processSpec.programs.values()) {
    if (!program.section.startsWith("iter")) links.push(lifecycle.program(program.name).attach());
  }
  const tasks = lifecycle.program("process__tasks").attach();
  const map = (name: string) => (hookSpec.maps.has(name) ? hooks.map(name) : lifecycle.map(name));
  const btf = hookSpec.btf;
  if (btf === undefined) throw new Error("hook.bpf.o has no BTF");
  const tables = createTables(btf, map);
  const ring = new RingBuffer(lifecycle.map("events"));

  function functionId(name: string): number {
    const id = findTypes(kernel, "func", [name]).get(name);
    if (id === undefined) throw new Error(`the kernel has no function ${name}`);
    return id;
  }

  function attach(hook: Hook): BpfLink {
    const rodata = {
      hook_id: hook.id,
      nargs: hook.nargs,
      hook_flags: hook.flags ?? 0,
      hook_lacks: hook.lacks ?? 0,
    };
    const template = `hook__${hook.kind}`;
    const isTraced = hook.kind in traced;
    const name = hook.kind === "lsm" ? `bpf_lsm_${hook.target}` : `${hook.target}`;
    const program = cloneProgram(hooks, template, {
      rodata,
      ...(rodata.hook_lacks & feature.FEATURE_WRITES ? {} : { helper: writeHelper }),
      ...(isTraced && { attachTarget: { btfId: functionId(name) } }),
    });
    const link = program.attach(attachPoint(hook));
    program.close();
    links.push(link);
    return link;
  }

  function perCpu(name: string, key: number): bigint[] {
    const value = map(name).get(Buffer.from(Uint32Array.of(key).buffer));
    if (value === undefined) throw new Error(`no ${name}[${key}]`);
    return [...new BigUint64Array(value.buffer, value.byteOffset, value.byteLength / 8)];
  }

  const sum = (values: bigint[]) => Number(values.reduce((a, b) => a + b, 0n));

  return {
    tables,
    attach,
    attachFileFree: () => hooks.program("hook__file_free").attach(),
    map,
    drain() {
      const records: AnyRecord[] = [];
      // It stops at a record that another CPU is still writing: the records behind it count, too.
      do {
        ring.drain((offset, length) =>
          records.push(decodeRecord(btf, ring.bytes.subarray(offset, offset + length))),
        );
      } while (ring.availableBytes > 0);
      return records;
    },
    drainTypes(into) {
      ring.drain((offset) => {
        const type = (ring.bytes[offset] ?? 0) | ((ring.bytes[offset + 1] ?? 0) << 8);
        into.set(type, (into.get(type) ?? 0) + 1);
      });
    },
    scanTasks() {
      const bytes = readIterator(tasks);
      const records: AnyRecord[] = [];
      for (let at = 0; at < bytes.length; ) {
        const record = decodeRecord(btf, bytes.subarray(at));
        records.push(record);
        at += record.size;
      }
      return records;
    },
    faults() {
      const names = Object.entries(tables.constants).filter(
        ([name]) => name.startsWith("FAULT_") && name !== "FAULT_MAX",
      );
      return Object.fromEntries(names.map(([name, key]) => [name, sum(perCpu("faults", key))]));
    },
    lifecycle(type) {
      const values = perCpu("lifecycle", tables.constant(type));
      return {
        produced: sum(values.filter((_, i) => i % 3 === 0)),
        lost: sum(values.filter((_, i) => i % 3 !== 0)),
      };
    },
    [Symbol.dispose]() {
      for (const link of links) link[Symbol.dispose]();
      tasks.close();
      ring.close();
      tables.close();
      hooks.close();
      lifecycle.close();
    },
  };
}

/** The address of a kernel symbol. */
function symbol(name: string): bigint {
  const line = new RegExp(`^(\\w+) \\w ${name}$`, "m").exec(readFileSync("/proc/kallsyms", "utf8"));
  if (line === null) throw new Error(`there is no symbol ${name}`);
  return BigInt(`0x${line[1]}`);
}

function attachPoint(hook: Hook): AttachPoint {
  switch (hook.kind) {
    case "kprobe":
      return { kind: "kprobe", function: hook.target };
    case "kretprobe":
      return { kind: "kprobe", function: hook.target, onReturn: true };
    case "kprobe_multi":
      return { kind: "kprobe_multi", functions: [hook.target] };
    case "raw_tp":
      return { kind: "raw_tracepoint", name: hook.target };
    case "tracepoint":
      return { kind: "tracepoint", category: hook.target[0], name: hook.target[1] };
    default:
      return { kind: "trace" };
  }
}
