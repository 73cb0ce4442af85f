// SPDX-License-Identifier: Apache-2.0
import { open, readdir, readFile } from "node:fs/promises";
import { machine, release } from "node:os";
import { setImmediate as turn } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { findTypes, releaseBtf } from "@gander/btf";
import { readActiveLsms, readKernelBtf, readKernelFeatures } from "@gander/libbpf";
import type { KernelFeatureName } from "@gander/policy";
import type { KernelFacts } from "@gander/proto/stream";

const compress = promisify(gzip);

/** Compresses a little less, in a third of the time. */
const level = { level: 4 };

/**
 * The facts that decide what policies can do on this kernel, as gander.v1.KernelFacts: without any of
 * modules, and the same bytes on every node with this kernel. Reads in small pieces, so that events are sent
 * meanwhile. Omits unreadable facts; rejects if the kernel's types are unreadable.
 */
export async function readKernelFacts(): Promise<KernelFacts> {
  const btf = await readFile("/sys/kernel/btf/vmlinux");
  const lsms = readActiveLsms();
  const symbols = await readSymbols().catch(() => undefined);
  const tracepoints = await readTracepoints().catch(() => undefined);
  return {
    release: release(),
    machine: machine(),
    btf: await compress(btf, level),
    features: readFeatures(),
    ...(lsms && { active_lsms: lsms }),
    ...(symbols && { symbols: await compress(symbols, level) }),
    ...(tracepoints && { tracepoints: await compress(tracepoints, level) }),
  };
}

function readFeatures(): { readonly name: string; readonly present: boolean }[] {
  const found = readKernelFeatures();
  const present: Readonly<Record<KernelFeatureName, boolean | undefined>> = {
    "bpf-lsm": found.bpfLsm,
    "bpf-loop": found.bpfLoop,
    "get-function-argument": found.getFunctionArgument,
    "kprobe-multi": found.kprobeMulti,
    "lockdown-confidentiality": found.lockdown === "confidentiality",
    "ring-buffer": found.ringBuffer,
    "task-storage": found.taskStorage,
  };
  return Object.entries(present)
    .flatMap(([name, is]) => (is === undefined ? [] : [{ name, present: is }]))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Longer than any line (KSYM_NAME_LEN is 512), and short enough to be read between events. */
const pieceBytes = 128 << 10;

/** Names of the kernel's own functions, one per line, ascending; as often as they occur. */
export async function readSymbols(path = "/proc/kallsyms"): Promise<Buffer> {
  await using file = await open(path, "r");
  const names: string[] = [];
  const piece = Buffer.allocUnsafe(pieceBytes);
  let kept = 0;
  for (;;) {
    const { bytesRead } = await file.read(piece, kept, pieceBytes - kept, null);
    if (bytesRead === 0) break;
    const size = kept + bytesRead;
    let start = 0;
    for (let end = piece.indexOf(newline); end >= 0 && end < size; ) {
      const name = functionName(piece, start, end);
      if (name !== undefined) names.push(name);
      start = end + 1;
      end = piece.indexOf(newline, start);
    }
    piece.copyWithin(0, start, size);
    kept = size - start;
    await turn();
  }
  names.sort();
  let bytes = 0;
  for (const name of names) bytes += name.length + 1;
  const all = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const name of names) {
    at += all.write(name, at, "latin1");
    all[at++] = newline;
  }
  return all;
}

const [newline, space, closingBracket] = [0x0a, 0x20, 0x5d];

/** From a line like `ffffffff81000000 T name`, followed by `[module]` for a module's. */
function functionName(bytes: Buffer, start: number, end: number): string | undefined {
  const letter = bytes.indexOf(space, start) + 1;
  // Lower case in ASCII.
  const isFunction = letter > 0 && ((bytes[letter] ?? 0) | 0x20) === 0x74;
  if (!isFunction || bytes[end - 1] === closingBracket) return undefined;
  // A copy: a slice of a longer text would keep all of that in memory.
  return bytes.toString("latin1", letter + 2, end);
}

/** Groups of events that were created while the kernel ran. */
const madeEvents: ReadonlySet<string> = new Set(["kprobes", "uprobes", "eprobes", "synthetic"]);

/** The kernel's own tracepoints with the fields of their formats, one per line, ascending. */
async function readTracepoints(): Promise<Buffer | undefined> {
  const root = await tracingFolder();
  if (root === undefined) return undefined;
  const found: { readonly subsystem: string; readonly event: string }[] = [];
  for (const subsystem of await foldersIn(root))
    if (!madeEvents.has(subsystem))
      for (const event of await foldersIn(`${root}/${subsystem}`)) found.push({ subsystem, event });
  const own = ownEvents(found.map(({ event }) => event));
  const lines: string[] = [];
  for (const { subsystem, event } of found) {
    if (subsystem !== "syscalls" && !own.has(event)) continue;
    const text = await readFile(`${root}/${subsystem}/${event}/format`, "utf8").catch(() => "");
    const fields = [...text.matchAll(/^\s*field:([^;]+);/gm)].map(([, field = ""]) => field.trim());
    if (fields.length > 0) lines.push([`${subsystem}/${event}`, ...fields].join("\t"));
  }
  return Buffer.from(
    lines
      .sort()
      .map((line) => `${line}\n`)
      .join(""),
  );
}

/** Events that aren't a module's. */
function ownEvents(events: readonly string[]): ReadonlySet<string> {
  const btf = readKernelBtf();
  try {
    const names = new Set(events.map((event) => `btf_trace_${event}`));
    const found = findTypes(btf, "typedef", names);
    return new Set(events.filter((event) => found.has(`btf_trace_${event}`)));
  } finally {
    releaseBtf(btf);
  }
}

async function tracingFolder(): Promise<string | undefined> {
  for (const folder of ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"])
    if ((await foldersIn(folder).catch(() => [])).length > 0) return folder;
  return undefined;
}

async function foldersIn(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
