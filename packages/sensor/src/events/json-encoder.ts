// SPDX-License-Identifier: Apache-2.0
import {
  actionNames,
  type EventEnvelope,
  type EventKind,
  eventKind,
  eventKindRows,
  loaderFields,
  type StackEntry,
} from "@gander/proto";
import type { ProcessEntry } from "../process/process-entry.ts";
import { jsonLine, jsonText } from "../text/json-text.ts";
import { LineBuffer } from "../text/line-buffer.ts";
import type { RuleText } from "./event-rule.ts";
import { writeJsonArg } from "./json-arg.ts";
import { noRule } from "./rule-text.ts";
import type { SensorEvent } from "./sensor-event.ts";

/** A line with its newline; valid until the next line is made. */
export type EncodedLine = { readonly bytes: Buffer; readonly length: number };

export type JsonEncoder = { encode(event: SensorEvent): EncodedLine };

const open = Object.fromEntries(
  eventKindRows.map(({ number, name }) => [number, Buffer.from(`{"${name}":{`)]),
) as Readonly<Record<EventKind, Buffer>>;

const text = (content: string): Uint8Array => Buffer.from(content);
const parts = {
  process: text('"process":'),
  parent: text(',"parent":'),
  ancestors: text(',"ancestors":['),
  args: text(',"args":['),
  data: text(',"data":['),
  return: text(',"return":'),
  path: text(',"path":'),
  buildId: text(',"buildid":'),
  time: text(',"time":"'),
  comma: text(","),
  quote: text('"'),
  end: text("]"),
};

/**
 * hot: writes events as lines of JSON, copying the cached parts of processes (bench/event-encoding). Gives
 * the same bytes as `plainLine`.
 */
export function createJsonEncoder(envelope: EventEnvelope): JsonEncoder {
  const line = new LineBuffer();
  const beginning = createBeginning(line);
  const node = envelope.nodeName === "" ? "" : `"node_name":${jsonText(envelope.nodeName)},`;
  const beforeTime = Buffer.from(`},${node}"time":"`);
  const cluster =
    envelope.clusterName === "" ? "" : `,"cluster_name":${jsonText(envelope.clusterName)}`;
  const labels = Object.entries(envelope.nodeLabels).sort(([a], [b]) => (a < b ? -1 : 1));
  const labelsText =
    labels.length === 0 ? "" : `,"node_labels":${jsonLine(Object.fromEntries(labels))}`;
  const afterTime = Buffer.from(`"${cluster}${labelsText}}\n`);
  return {
    encode(event) {
      beginning.write(event);
      writeBody(line, event);
      line.raw(beforeTime);
      line.time(event.seconds, event.nanos);
      line.raw(afterTime);
      return line;
    },
  };
}

/**
 * The kind of event and its processes: more than half of a line. Events arrive in runs of one process, and
 * the previous line is still in the buffer: the start that both lines share is not written again.
 */
function createBeginning(line: LineBuffer) {
  let length = 0;
  let kind = 0;
  let tid = 0;
  const own = createShown();
  const parent = createShown();
  return {
    write(event: SensorEvent): void {
      const isSame = event.kind === kind && event.tid === tid;
      // Both are called, because both must remember the process.
      const sameOwn = own.isSame(event.process);
      const sameParent = parent.isSame(event.parent);
      if (isSame && sameOwn && sameParent) {
        line.length = length;
        return;
      }
      line.length = 0;
      line.raw(open[event.kind]);
      if (event.process !== undefined) {
        line.raw(parts.process);
        event.process.writeJson(line, event.tid);
      }
      // Of a file that is mapped, other fields come before it.
      if (event.kind !== eventKind.loader) writeParent(line, event);
      kind = event.kind;
      tid = event.tid;
      length = line.length;
    },
  };
}

/** Checks whether a process looks the same as at the previous call. */
function createShown() {
  let shown: ProcessEntry | undefined;
  let version = 0;
  let refcnt = 0;
  return {
    isSame(process: ProcessEntry | undefined): boolean {
      const nextVersion = process?.version ?? 0;
      const nextRefcnt = process?.refcnt ?? 0;
      const same = process === shown && nextVersion === version && nextRefcnt === refcnt;
      shown = process;
      version = nextVersion;
      refcnt = nextRefcnt;
      return same;
    },
  };
}

function writeBody(line: LineBuffer, event: SensorEvent): void {
  if (event.kind === eventKind.rateLimitInfo) {
    if (event.dropped > 0) line.ascii(`"number_of_dropped_process_events":"${event.dropped}"`);
    return;
  }
  if (event.kind === eventKind.policyFuse) {
    writeFuse(line, event);
    return;
  }
  if (event.kind === eventKind.exit) writeExit(line, event);
  else if (event.kind === eventKind.loader) writeLoaded(line, event);
  else if (event.kind !== eventKind.exec) writeHook(line, event, event.hook ?? noRule(event.kind));
  if (event.ancestors.length > 0) writeAncestors(line, event.ancestors);
  if (event.imaHash !== "" && event.kind === eventKind.lsm)
    line.ascii(`,"ima_hash":"${event.imaHash}"`);
  if (event.kind === eventKind.uprobe || event.kind === eventKind.usdt)
    line.raw((event.hook ?? noRule(event.kind)).jsonLast(event.action));
  const dataCount = dataCountOf(event);
  if (dataCount > 0) writeArgs(line, parts.data, event, event.argCount - dataCount, event.argCount);
}

function writeFuse(line: LineBuffer, { fuse }: SensorEvent): void {
  const fields = {
    policy_name: fuse?.policyName,
    policy_namespace: fuse?.policyNamespace,
    ...{ fuse: fuse?.fuse, state: fuse?.state },
  };
  const given = Object.entries(fields).filter(([, text]) => text !== undefined && text !== "");
  line.raw(Buffer.from(JSON.stringify(Object.fromEntries(given)).slice(1, -1)));
}

function writeExit(line: LineBuffer, event: SensorEvent): void {
  if (event.signal !== "") line.ascii(`,"signal":"${event.signal}"`);
  if (event.status !== 0) line.ascii(`,"status":${event.status}`);
  line.raw(parts.time);
  line.time(event.seconds, event.nanos);
  line.raw(parts.quote);
}

function writeParent(line: LineBuffer, { parent }: SensorEvent): void {
  if (parent === undefined) return;
  line.raw(parts.parent);
  parent.writeJson(line, parent.pid);
}

function writeLoaded(line: LineBuffer, event: SensorEvent): void {
  const { path, buildId } = loaderFields(event);
  if (path !== undefined) {
    line.raw(parts.path);
    line.text(path);
  }
  if (buildId !== undefined) {
    line.raw(parts.buildId);
    line.base64(buildId);
  }
  writeParent(line, event);
}

const hasPolicyBeforeArgs = (kind: SensorEvent["kind"]) =>
  kind === eventKind.lsm || kind === eventKind.uprobe || kind === eventKind.usdt;

/** Fields in the order in which each kind of event declares them. */
function writeHook(line: LineBuffer, event: SensorEvent, hook: RuleText): void {
  line.raw(hook.jsonTarget);
  if (hasPolicyBeforeArgs(event.kind)) line.raw(hook.jsonBeforeArgs);
  writeArgs(line, parts.args, event, 0, event.argCount - dataCountOf(event));
  if (event.kind === eventKind.kprobe) {
    if (event.hasReturned) {
      line.raw(parts.return);
      writeJsonArg(line, event.returned);
    }
    if (event.kernelStack.length > 0 || event.userStack.length > 0) {
      writeEndWithStacks(line, event, hook);
      return;
    }
  }
  line.raw(hook.jsonEnd(event.action, event.returnAction));
}

function writeEndWithStacks(line: LineBuffer, event: SensorEvent, hook: RuleText): void {
  writeAction(line, ',"action":"', event.action);
  writeStack(line, ',"kernel_stack_trace":[', event.kernelStack);
  line.raw(hook.jsonPolicy);
  writeAction(line, ',"return_action":"', event.returnAction);
  line.raw(hook.jsonMessage);
  writeStack(line, ',"user_stack_trace":[', event.userStack);
}

const dataCountOf = ({ kind, dataCount }: SensorEvent) =>
  kind === eventKind.kprobe || kind === eventKind.uprobe ? dataCount : 0;

function writeArgs(
  line: LineBuffer,
  name: Uint8Array,
  event: SensorEvent,
  first: number,
  end: number,
): void {
  for (let index = first; index < end; index++) {
    const arg = event.args[index];
    if (arg === undefined) continue;
    line.raw(index === first ? name : parts.comma);
    writeJsonArg(line, arg);
  }
  if (end > first) line.raw(parts.end);
}

function writeAction(line: LineBuffer, name: string, action: number): void {
  if (action === 0) return;
  line.ascii(name);
  line.ascii(actionNames[action] ?? "");
  line.ascii('"');
}

function writeStack(line: LineBuffer, name: string, stack: readonly StackEntry[]): void {
  if (stack.length === 0) return;
  line.ascii(name);
  stack.forEach((entry, index) => {
    const parts = [
      entry.address === 0n ? "" : `"address":"${entry.address}"`,
      entry.offset === 0n ? "" : `"offset":"${entry.offset}"`,
      entry.symbol === "" ? "" : `"symbol":${jsonText(entry.symbol)}`,
      entry.module === "" ? "" : `"module":${jsonText(entry.module)}`,
    ].filter((part) => part !== "");
    line.raw(Buffer.from(`${index === 0 ? "" : ","}{${parts.join(",")}}`));
  });
  line.ascii("]");
}

function writeAncestors(line: LineBuffer, ancestors: readonly ProcessEntry[]): void {
  line.raw(parts.ancestors);
  ancestors.forEach((ancestor, index) => {
    if (index > 0) line.raw(parts.comma);
    ancestor.writeJson(line, ancestor.pid);
  });
  line.raw(parts.end);
}
