// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import {
  type Btf,
  type BtfKind,
  findTypes,
  functionPrototype,
  namesOfKind,
  parseBtf,
  tracepointPrototype,
} from "@gander/btf";
import type { AttachFacts } from "../kernel-check/attach-facts.ts";
import { followType, structureKinds } from "../kernel-check/follow-type.ts";
import { belongsTo, chooseFunctions } from "../kernel-check/matching-functions.ts";
import { readRecordField } from "../kernel-check/record-field.ts";
import { hasLine, linesBeginning } from "./sorted-lines.ts";

/** The reported facts of a kernel on another machine; all of it may be wrong or hostile. */
export type RemoteKernel = {
  readonly release: string;
  /** Undefined if unknown; then `bpf` is assumed to be among them. */
  readonly activeLsms?: readonly string[];
  /** As in /sys/kernel/btf/vmlinux. */
  readonly btf: Uint8Array;
  /** Function names, one per line; absent if unknown. */
  readonly symbols?: Buffer;
  /** One per line: `subsystem/event`, then its fields after tabs; absent if unknown. */
  readonly tracepoints?: Buffer;
};

export interface RemoteKernelFacts extends AttachFacts {
  /** Which facts were reported; the others are derived from its types as far as possible. */
  readonly knows: {
    readonly lsms: boolean;
    readonly symbols: boolean;
    readonly tracepoints: boolean;
  };
  /** How many functions of that name the kernel has, if known. */
  symbolCount(name: string): number | undefined;
  /** Looks up many functions in one pass through the types. */
  prefetch(functionNames: Iterable<string>): void;
}

/**
 * The facts needed to place a policy's hooks. Looked up on demand; a pass through the types of a kernel
 * takes 2 ms, a suggestion for a name 30 ms. Throws BtfError, even later, if the types can't be read.
 */
export function remoteKernelFacts(kernel: RemoteKernel): RemoteKernelFacts {
  const { release, activeLsms, symbols, tracepoints } = kernel;
  const btf = parseBtf(kernel.btf);
  const functions = lookup(btf, "func");
  const traces = lookup(btf, "typedef");
  const structures = lookup(btf, structureKinds);
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
    // Only an attempt would show it: ftrace omits functions that BTF has.
    isTraceable: () => true,
    symbolCount,
    hasSymbol: (name) => functions.get(name) !== undefined || (symbolCount(name) ?? 0) > 0,
    matchingFunctions(set) {
      const belongs = belongsTo(set);
      const all = symbols === undefined ? namesOfKind(btf, "func") : linesBeginning(symbols, "");
      const found = chooseFunctions(Iterator.from(all).filter(belongs), false);
      functions.prefetch(found.names);
      return found;
    },
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
    followPath: (root, path) => followType({ btf, structure: structures.get }, root, path),
    similarFunction: (name) => nearestOf(name, namesOfKind(btf, "func")),
    similarTracepoint: (subsystem, event) =>
      tracepoints && nearestOf(`${subsystem}/${event}`, tracepointNames(tracepoints)),
  };
}

/** Ids by name, each looked up once. */
function lookup(btf: Btf, kinds: BtfKind | readonly BtfKind[]) {
  const known = new Map<string, number | undefined>();
  const prefetch = (names: Iterable<string>) => {
    const missing = [...names].filter((name) => !known.has(name));
    if (missing.length === 0) return;
    const found = findTypes(btf, kinds, missing);
    for (const name of missing) known.set(name, found.get(name));
  };
  const get = (name: string) => {
    prefetch([name]);
    return known.get(name);
  };
  return { prefetch, get };
}

/** Leading characters that a suggestion must share: this makes the search six times as fast. */
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
