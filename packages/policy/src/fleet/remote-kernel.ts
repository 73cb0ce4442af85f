// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import {
  type Btf,
  findTypes,
  functionPrototype,
  namesOfKind,
  parseBtf,
  tracepointPrototype,
} from "@gander/btf";
import type { AttachFacts } from "../kernel-check/attach-facts.ts";
import { readRecordField } from "../kernel-check/record-field.ts";
import { hasLine, linesBeginning } from "./sorted-lines.ts";

/** What somebody told of a kernel that doesn't run here; all of it may be wrong or hostile. */
export type RemoteKernel = {
  readonly release: string;
  /** Undefined: not known; then `bpf` is taken to be among them. */
  readonly activeLsms?: readonly string[];
  /** As in /sys/kernel/btf/vmlinux. */
  readonly btf: Uint8Array;
  /** Names of functions, a line each; absent: not known. */
  readonly symbols?: Buffer;
  /** A line each: `subsystem/event`, and behind tabs its fields; absent: not known. */
  readonly tracepoints?: Buffer;
};

export interface RemoteKernelFacts extends AttachFacts {
  /** What of it was told; what wasn't is answered from its types as far as these go. */
  readonly knows: {
    readonly lsms: boolean;
    readonly symbols: boolean;
    readonly tracepoints: boolean;
  };
  /** How often the kernel has a function of that name, if that is known. */
  symbolCount(name: string): number | undefined;
  /** Looks up many functions in one pass through the types. */
  prefetch(functionNames: Iterable<string>): void;
}

/**
 * The facts that placing a policy's hooks asks for. Looked up when they are asked for; a pass through
 * the types of a kernel takes 2 ms, a proposal for a name 30 ms. Throws BtfError where the types can't
 * be read, also later.
 */
export function remoteKernelFacts(kernel: RemoteKernel): RemoteKernelFacts {
  const { release, activeLsms, symbols, tracepoints } = kernel;
  const btf = parseBtf(kernel.btf);
  const functions = lookup(btf, "func");
  const traces = lookup(btf, "typedef");
  const symbolCount = (name: string) => symbols && hasLine(symbols, name);
  return {
    release,
    activeLsms: activeLsms ?? ["bpf"],
    knows: {
      lsms: activeLsms !== undefined,
      symbols: symbols !== undefined,
      tracepoints: tracepoints !== undefined,
    },
    prefetch: functions.prefetch,
    prototype(name) {
      const id = functions.get(name);
      return id === undefined ? undefined : functionPrototype(btf, id);
    },
    // Only trying tells: ftrace leaves out functions that BTF has.
    isTraceable: () => true,
    symbolCount,
    hasSymbol: (name) => functions.get(name) !== undefined || (symbolCount(name) ?? 0) > 0,
    tracepointFormat(subsystem, event) {
      const [line] = tracepoints ? linesBeginning(tracepoints, `${subsystem}/${event}\t`) : [];
      return line === undefined
        ? undefined
        : { fields: line.split("\t").slice(1).map(readRecordField) };
    },
    rawTracepoint(event) {
      const id = traces.get(`btf_trace_${event}`);
      const prototype = id === undefined ? undefined : tracepointPrototype(btf, id);
      return prototype && { name: event, ...prototype };
    },
    similarFunction: (name) => nearestOf(name, namesOfKind(btf, "func")),
    similarTracepoint: (subsystem, event) =>
      tracepoints && nearestOf(`${subsystem}/${event}`, tracepointNames(tracepoints)),
  };
}

/** Ids by name, each looked for once. */
function lookup(btf: Btf, kind: "func" | "typedef") {
  const known = new Map<string, number | undefined>();
  const prefetch = (names: Iterable<string>) => {
    const missing = [...names].filter((name) => !known.has(name));
    if (missing.length === 0) return;
    const found = findTypes(btf, kind, missing);
    for (const name of missing) known.set(name, found.get(name));
  };
  const get = (name: string) => {
    prefetch([name]);
    return known.get(name);
  };
  return { prefetch, get };
}

/** Characters that a proposal shares at the beginning: it makes looking for one six times as quick. */
const sameStart = 4;

function nearestOf(name: string, names: Iterable<string>): string | undefined {
  const start = name.slice(0, sameStart);
  return nearestName(
    name,
    Iterator.from(names).filter((one) => one.startsWith(start)),
  );
}

function* tracepointNames(tracepoints: Buffer): Iterable<string> {
  for (const line of linesBeginning(tracepoints, "")) yield line.split("\t", 1)[0] ?? "";
}
