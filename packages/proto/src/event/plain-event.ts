// SPDX-License-Identifier: Apache-2.0
import {
  type GetEventsResponse,
  KprobeAction,
  type KprobeArgument,
  type Process,
} from "../messages.gen.ts";
import { eventKind } from "./event-kinds.ts";
import {
  argField,
  type EventArg,
  type EventView,
  type FuseNotice,
  type HookPart,
  loaderFields,
  type ProcessPart,
  type TextView,
} from "./event-view.ts";
import type { EventEnvelope } from "./event-writer.ts";

/**
 * The event as a plain message: for readers of single fields, and as the reference in tests of the fast
 * encoders. Fields with default values are omitted.
 */
export function plainEvent<P extends ProcessPart>(
  event: EventView<P>,
  envelope: EventEnvelope,
  plainProcess: (process: P, tid: number) => Process,
): GetEventsResponse {
  const time = { ...some64("seconds", event.seconds), ...some("nanos", event.nanos) };
  const processes = {
    ...(event.process && { process: plainProcess(event.process, event.tid) }),
    ...(event.parent && { parent: plainProcess(event.parent, event.parent.pid) }),
  };
  const ancestors = some(
    "ancestors",
    event.ancestors.map((ancestor) => plainProcess(ancestor, ancestor.pid)),
  );
  return {
    ...body(event, processes, ancestors, time),
    ...some("node_name", envelope.nodeName),
    time,
    ...some("cluster_name", envelope.clusterName),
    ...some("node_labels", envelope.nodeLabels),
  };
}

function body(
  event: EventView,
  processes: object,
  ancestors: object,
  time: object,
): GetEventsResponse {
  const { hook } = event;
  const all = event.args.slice(0, event.argCount).map(plainArg);
  const hasData = event.kind === eventKind.kprobe || event.kind === eventKind.uprobe;
  const dataAt = hasData ? event.argCount - event.dataCount : all.length;
  const data = some("data", all.slice(dataAt));
  const args = some("args", all.slice(0, dataAt));
  const functionName = some("function_name", hook?.functionName);
  const policy = some("policy_name", hook?.policyName);
  const message = { ...some("message", hook?.message), ...some("tags", hook?.tags) };
  const action = some("action", actionName(event.action));
  switch (event.kind) {
    case eventKind.exec:
      return { process_exec: { ...processes, ...ancestors } };
    case eventKind.exit: {
      const end = { ...some("signal", event.signal), ...some("status", event.status), time };
      return { process_exit: { ...processes, ...end, ...ancestors } };
    }
    case eventKind.kprobe:
      return {
        process_kprobe: {
          ...processes,
          ...functionName,
          ...args,
          ...(event.hasReturned && { return: plainArg(event.returned) }),
          ...action,
          ...some("kernel_stack_trace", stack(event.kernelStack)),
          ...policy,
          ...some("return_action", actionName(event.returnAction)),
          ...message,
          ...some("user_stack_trace", stack(event.userStack)),
          ...ancestors,
          ...data,
        },
      };
    case eventKind.tracepoint: {
      const target = { ...some("subsys", hook?.subsystem), ...some("event", hook?.event) };
      const parts = { ...processes, ...target, ...args, ...policy, ...action, ...message };
      return { process_tracepoint: { ...parts, ...ancestors } };
    }
    case eventKind.loader:
      return { process_loader: { ...processes, ...plainLoaded(event), ...ancestors } };
    case eventKind.uprobe: {
      const place = { ...some("path", hook?.path), ...some("symbol", hook?.functionName) };
      const offset = some64("offset", hook?.offset ?? 0);
      const parts = { ...processes, ...place, ...policy, ...message, ...args, ...ancestors };
      return { process_uprobe: { ...parts, ...offset, ...action, ...data } };
    }
    case eventKind.lsm: {
      const parts = { ...processes, ...functionName, ...policy, ...message, ...args, ...action };
      return { process_lsm: { ...parts, ...ancestors, ...some("ima_hash", event.imaHash) } };
    }
    case eventKind.usdt: {
      const parts = { ...processes, ...plainProbe(hook), ...policy, ...message, ...args };
      return { process_usdt: { ...parts, ...ancestors, ...action } };
    }
    case eventKind.rateLimitInfo:
      return {
        rate_limit_info: some64("number_of_dropped_process_events", event.dropped),
      };
    case eventKind.policyFuse:
      return { policy_fuse: plainFuse(event.fuse) };
  }
}

const plainFuse = (fuse: FuseNotice | undefined) => ({
  ...some("policy_name", fuse?.policyName),
  ...some("policy_namespace", fuse?.policyNamespace),
  ...some("fuse", fuse?.fuse),
  ...some("state", fuse?.state),
});

const plainProbe = (hook: HookPart | undefined) => ({
  ...some("path", hook?.path),
  ...some("provider", hook?.subsystem),
  ...some("name", hook?.event),
});

function plainLoaded(event: EventView) {
  const { path, buildId } = loaderFields(event);
  return { ...(path && { path: text(path) }), ...(buildId && { buildid: content(buildId) }) };
}

/** By number. */
export const actionNames = Object.keys(KprobeAction) as readonly KprobeAction[];
const actionName = (number: number) => (number === 0 ? undefined : actionNames[number]);

function stack(entries: EventView["kernelStack"]) {
  return entries.map(({ address, offset, symbol, module }) => ({
    ...some64("address", address),
    ...some64("offset", offset),
    ...some("symbol", symbol),
    ...some("module", module),
  }));
}

/** An argument as a plain message. */
function plainArg(arg: EventArg): KprobeArgument {
  return { ...plainValue(arg), ...some("label", arg.label) };
}

function plainValue(arg: EventArg): KprobeArgument {
  const { sock } = arg;
  const path = { ...some("flags", arg.flags), ...some("permission", arg.permission) };
  const number64 = (BigInt(arg.high) << 32n) | BigInt(arg.low);
  switch (arg.field) {
    case argField.message:
      return arg.message;
    case argField.string:
      return { string_arg: text(arg.text) };
    case argField.int:
      return { int_arg: arg.low | 0 };
    case argField.uint:
      return { uint_arg: arg.low };
    case argField.size:
      return { size_arg: String(number64) };
    case argField.long:
      return { long_arg: String(BigInt.asIntN(64, number64)) };
    case argField.bytes:
      return { bytes_arg: content(arg.text) };
    case argField.truncatedBytes:
      return {
        truncated_bytes_arg: {
          ...some("bytes_arg", content(arg.text)),
          ...some64("orig_size", arg.originalSize),
        },
      };
    case argField.path:
      return { path_arg: { ...some("path", text(arg.text)), ...path } };
    case argField.file:
      return { file_arg: { ...some("path", text(arg.text)), ...path } };
    case argField.binprm:
      return { linux_binprm_arg: { ...some("path", text(arg.text)), ...path } };
    case argField.sock:
      return { sock_arg: plainSock(sock) };
    case argField.sockaddr:
      return {
        sockaddr_arg: {
          ...some("family", sock.family),
          ...some("addr", sock.saddr),
          ...some("port", sock.sport),
        },
      };
    case argField.sockaddrUn:
      return {
        sockaddrun_arg: { ...some("family", sock.family), ...some("path", text(arg.text)) },
      };
    case argField.error:
      return { error_arg: some("Message", arg.error) };
  }
}

function plainSock(sock: EventArg["sock"]) {
  const cookie = (BigInt(sock.cookieHigh) << 32n) | BigInt(sock.cookieLow);
  return {
    ...some("family", sock.family),
    ...some("type", sock.type),
    ...some("protocol", sock.protocol),
    ...some("mark", sock.mark),
    ...some("priority", sock.priority),
    ...some("saddr", sock.saddr),
    ...some("daddr", sock.daddr),
    ...some("sport", sock.sport),
    ...some("dport", sock.dport),
    ...some64("cookie", cookie),
    ...some("state", sock.state),
  };
}

const content = (view: TextView) => Uint8Array.from(view.bytes.subarray(view.start, view.end));
const text = (view: TextView) => Buffer.from(content(view)).toString("utf8");

/** `{ [key]: value }`, or nothing if the value is the default of its type. */
function some<K extends string, V>(key: K, value: V): { [key in K]?: NonNullable<V> } {
  if (value === undefined || value === null || value === "" || value === 0) return {};
  if (typeof value === "object" && Object.keys(value).length === 0) return {};
  return { [key]: value } as { [key in K]?: NonNullable<V> };
}

/** 64-bit numbers are decimal text in messages. */
function some64<K extends string>(key: K, value: number | bigint): { [key in K]?: string } {
  return Number(value) === 0 ? {} : ({ [key]: String(value) } as { [key in K]?: string });
}
