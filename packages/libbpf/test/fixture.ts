// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import type {
  AttachTarget,
  BpfMap,
  BpfObject,
  CValue,
  LoadOptions,
  ObjectSpec,
} from "../src/index.ts";
import { loadObject, readObject, setVariables } from "../src/index.ts";

export const fixturePath = new URL("../build/test/fixture.bpf.o", import.meta.url);

/** The object of fixture.bpf.c. */
export function readFixture(): ObjectSpec {
  return readObject(readFileSync(fixturePath), "fixture");
}

export interface FixtureOptions extends LoadOptions {
  readonly variables?: Readonly<Record<string, CValue>>;
  readonly targets?: Readonly<Record<string, AttachTarget>>;
}

/** Loads the named programs, made to look at this process alone. */
export function loadFixture(programs: readonly string[], options: FixtureOptions = {}): BpfObject {
  const spec = readFixture();
  setVariables(spec, { only_pid: process.pid, ...options.variables });
  for (const name of programs) {
    const program = spec.programs.get(name);
    if (program === undefined) throw new Error(`no program ${name}`);
    program.load = true;
    program.attachTarget = options.targets?.[name];
  }
  return loadObject(spec, options);
}

/** The names of enum counter in fixture.bpf.c, in its order. */
const counters = [
  "tracepoint",
  "raw_tracepoint",
  "btf_tracepoint",
  "kprobe",
  "kretprobe",
  "kprobe_multi",
  "fentry",
  "fexit",
  "fmod_ret",
  "lsm",
  "uprobe",
  "uretprobe",
  "uprobe_multi",
  "clone",
] as const;
export type Counter = (typeof counters)[number];

export function readCounter(map: BpfMap, counter: Counter): number {
  const value = map.get(u32(counters.indexOf(counter)));
  return Number(Buffer.from(value ?? []).readBigUInt64LE());
}

export function u32(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

export function u64(...values: (number | bigint)[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values.map(BigInt)).buffer);
}

/** umask() is a system call that nothing else in a test process makes. */
export function callUmask(times = 1): void {
  for (let i = 0; i < times; i++) process.umask(0o22);
}
