// SPDX-License-Identifier: Apache-2.0
// What the binding costs: e2e/vm --icount -- node packages/libbpf/test/measure.ts
// With --icount the guest's clock counts instructions, so "ns" is guest instructions.
import {
  BpfMap,
  cloneProgram,
  findTypes,
  loadObject,
  RingBuffer,
  readKernelBtf,
  setVariables,
} from "../src/index.ts";
import { readFixture, u64 } from "./fixture.ts";

/** Median of several runs, in ns. */
function measure(name: string, runs: number, act: () => number | undefined): void {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const started = process.hrtime.bigint();
    const units = act() ?? 1;
    times.push(Number(process.hrtime.bigint() - started) / units);
  }
  const median = times.toSorted((a, b) => a - b)[runs >> 1] ?? 0;
  console.log(`${name.padEnd(52)} ${Math.round(median).toLocaleString("en")}`);
}

const spec = readFixture();
setVariables(spec, { only_pid: process.pid });
const template = spec.programs.get("template_fentry");
if (template === undefined) throw new Error("no template");
const names = ["__x64_sys_umask", "security_file_permission", "tcp_connect"];
measure("read the kernel's BTF", 5, () => void readKernelBtf());
const btf = readKernelBtf();
measure("find 3 functions in it", 5, () => void findTypes(btf, "func", names));
const btfId = findTypes(btf, "func", names).get("__x64_sys_umask") ?? 0;
template.load = true;
template.attachTarget = "__x64_sys_umask";
measure(
  "load an object of one program, target by name",
  5,
  () => loadObject(spec).close() as undefined,
);
template.attachTarget = { btfId };
measure(
  "load an object of one program, target by id",
  5,
  () => loadObject(spec).close() as undefined,
);
const object = loadObject(spec);
measure(
  "clone its program",
  20,
  () =>
    cloneProgram(object, "template_fentry", {
      attachTarget: { btfId },
      rodata: { clone_adds: 2 },
    }).close() as undefined,
);
const clone = cloneProgram(object, "template_fentry", { attachTarget: { btfId } });
console.log(`memory of the clone: ${clone.memoryBytes()} bytes`);

using map = BpfMap.create({ type: "hash", keySize: 8, valueSize: 8, maxEntries: 20_000 });
const keys = u64(...Array.from({ length: 10_000 }, (_, i) => i));
measure("update, each of 10,000 alone", 5, () => {
  for (let i = 0; i < 10_000; i++) {
    const bytes = keys.subarray(i * 8, i * 8 + 8);
    map.set(bytes, bytes);
  }
  return 10_000;
});
measure("update, each of 10,000 in a batch", 5, () => {
  map.updateMany(keys, keys);
  return 10_000;
});
const value = new Uint8Array(8);
measure("lookup, each of 10,000 alone", 5, () => {
  for (let i = 0; i < 10_000; i++) map.getInto(keys.subarray(i * 8, i * 8 + 8), value);
  return 10_000;
});

const large = readFixture();
const events = large.maps.get("events");
const writeMany = large.programs.get("write_many");
if (events === undefined || writeMany === undefined) throw new Error("no ring");
events.maxEntries = 8 << 20;
writeMany.load = true;
const writer = loadObject(large);
const ring = new RingBuffer(writer.map("events"));
const words = new Uint32Array(ring.bytes.buffer, ring.bytes.byteOffset);
let sum = 0;
const readNumbers = (): number => {
  let count = 0;
  while (ring.next()) {
    sum += words[ring.offset >>> 2] ?? 0;
    count++;
  }
  ring.release();
  return count;
};
const fill = (): void => {
  for (let i = 0; i < 20; i++) writer.program("write_many").testRun();
};
for (let warm = 0; warm < 10; warm++) {
  fill();
  readNumbers();
}
for (let i = 0; i < 3; i++) {
  fill();
  measure("ring: a record of 300 bytes, one number read", 1, readNumbers);
}
if (sum === 0) throw new Error("nothing was read");
