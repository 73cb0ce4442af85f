// SPDX-License-Identifier: Apache-2.0
import {
  BtfError,
  fieldsOfType,
  parseBtf,
  sizeOfType,
  typeById,
  typeToString,
} from "../../packages/btf/src/index.ts";
import { BtfWriter, buildBtf, kinds } from "../../packages/btf/src/testing/build-btf.ts";
import { fleetCheck, remoteKernelFacts } from "../../packages/policy/src/fleet/index.ts";
import { checkPolicy } from "../../packages/policy/src/index.ts";
import { parseTracepointFormat } from "../../packages/sensor/src/plan/tracepoint-format.ts";
import { repeated, series } from "../src/generators.ts";
import { outcomeOf, outcomeOrRefusal } from "../src/outcome.ts";
import type { Target } from "../src/target.ts";

const text = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: a}
spec:
  kprobes:
  - {call: weigh, syscall: false, args: [{index: 0, type: file}, {index: 1, type: uint32}]}
  - {call: many, syscall: false, args: [{index: 0, type: int}]}
  tracepoints:
  - {subsystem: sched, event: sched_switch, args: [{index: 5, type: string}]}
  - {subsystem: raw_syscalls, event: sys_enter, raw: true, args: [{index: 0, type: uint64}]}
`;
const policies = () =>
  (checkPolicy(text, { file: "" }).value ?? []).map(({ compiled }) => compiled);

const seed = () =>
  buildBtf({
    functions: ["int weigh(const struct file *file, unsigned int times)", "void many(int a)"],
    rawTracepoints: ["sys_enter(struct pt_regs *regs, long id)"],
  });

/** A function whose parameters all point to one struct with the maximum number of members. */
function largeStructs(size: number): Buffer {
  const writer = new BtfWriter();
  const members = Math.min(65_535, Math.floor(size / 16));
  writer.add(kinds.typedef, "x".repeat(1000), 0);
  const struct = writer.add(kinds.struct, "s", 8, new Array(members * 3).fill(1), members);
  const pointer = writer.add(kinds.ptr, "", struct);
  const parameters = new Array(255).fill([1, pointer]).flat();
  const prototype = writer.add(kinds.func_proto, "", 0, parameters, 255);
  writer.add(kinds.func, "weigh", prototype);
  writer.add(kinds.func, "many", prototype);
  return writer.bytes();
}

const isBtfError = (error: Error) => error instanceof BtfError;
const refused = (run: () => string) => outcomeOrRefusal(run, isBtfError);

/** A kernel's types, and the questions of policies about them: operators read the types of all nodes. */
export const btf: Target = {
  name: "btf",
  run: (bytes) =>
    refused(() => {
      const types = parseBtf(bytes);
      for (let id = 0; id < Math.min(types.endId, 50); id++)
        for (const use of [typeById, typeToString, sizeOfType, fieldsOfType])
          refused(() => String(use(types, id)));
      const facts = remoteKernelFacts({ release: "6.1", btf: bytes });
      const found = policies().flatMap((policy) => fleetCheck(policy, [{ facts, nodes: 1 }]));
      return found.map(({ code }) => code).join();
    }),
  seeds: () => [seed(), Buffer.alloc(0)],
  words: [
    [0, 0, 0, 1],
    [0, 0, 0, 4],
    [0xff, 0xff, 0, 0x0d],
    [0xff, 0xff, 0, 4],
    [1, 0, 0, 0],
  ].map((bytes) => Buffer.from(bytes)),
  bombs: {
    "a struct of 65,535 members, named 510 times": largeStructs,
    "types of no size": (size) => Buffer.concat([seed(), Buffer.alloc(size)]),
  },
  innocent: (size) => {
    const writer = new BtfWriter();
    for (let i = 0; i < size / 20; i++) writer.add(kinds.ptr, "", 0);
    return writer.bytes();
  },
};

/** Names of functions and tracepoints, one per line, as sensors send them. */
export const kernelLists: Target = {
  name: "kernel-lists",
  run(bytes) {
    const facts = remoteKernelFacts({
      release: "6.1",
      btf: seed(),
      symbols: bytes,
      tracepoints: bytes,
    });
    const found = policies().flatMap((policy) => fleetCheck(policy, [{ facts, nodes: 1 }]));
    return found.map(({ code, message }) => `${code} ${outcomeOf(message)}`).join();
  },
  seeds: () => [
    Buffer.from(
      "weigh\nmany\nsched/sched_switch\tu16 common_type\tint a\tint b\tint c\tint d\tchar comm[16]\n",
    ),
    Buffer.from("x\n"),
  ],
  words: ["\n", "\t", "sched/sched_switch\t", "[", "]", "int a", " ", "weigh"],
  bombs: {
    "a declaration of many words": (size) => `sched/sched_switch\t${repeated("a [ ", size)}`,
    "fields without names": (size) =>
      `sched/sched_switch${repeated("\t", Math.min(size, 16_000))}\n`,
    "the same line": (size) => repeated("sched/sched_switch\ta\n", size),
    "one line": (size) => repeated("weigh", size),
    "lines of nothing": (size) => repeated("\n", size),
  },
  innocent: (size) => series(size, (i) => `function_${i}\n`),
};

/** /sys/kernel/tracing/events/…/format */
export const tracepointFormat: Target = {
  name: "tracepoint-format",
  run: (bytes) =>
    String(Math.min(parseTracepointFormat(bytes.toString("latin1")).fields.length, 9)),
  seeds: () => [
    Buffer.from(
      'name: a\nID: 7\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n\nprint fmt: ""\n',
    ),
    Buffer.from("ID: 1\n"),
  ],
  words: ["field:", ";", "\toffset:0;", "size:2;", "signed:0;", "\n", " ", "ID: 7\n"],
  bombs: {
    "blank lines": (size) => repeated("\n", size),
    blanks: (size) => repeated(" ", size),
    "fields without an end": (size) => repeated("field:a\n", size),
    "fields of one line": (size) => repeated("field:a", size),
    "a long declaration": (size) => `field:${repeated("a [ ", size)};offset:0;size:1;signed:0;`,
  },
  innocent: (size) => repeated("\tfield:int a;\toffset:0;\tsize:2;\tsigned:0;\n", size),
};
