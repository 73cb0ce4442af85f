// SPDX-License-Identifier: Apache-2.0
import { argumentText, integerOf, pathText, socketText } from "./argument-text.ts";
import {
  type ArgJson,
  argsOf,
  dataOf,
  type EventBody,
  type EventJson,
  eventKind,
  type HookBody,
  isRecord,
  type ProcessJson,
  text,
} from "./event-json.ts";
import { quote } from "./quote.ts";

type CompactOptions = {
  readonly color: boolean;
  /** Put the event's time in front. */
  readonly timestamps: boolean;
  /** Lines of kernel and user stacks below the event. */
  readonly stackTraces: boolean;
};

/**
 * One event as a line for people: emoji and name, where (namespace/pod, else the node), binary,
 * details. Stack traces, if wanted, follow on lines of their own. Never contains a control
 * character but the colours written here and the line breaks before stack entries.
 */
export function compactLine(event: EventJson, options: CompactOptions): string {
  const parts = describe(event);
  const paint = options.color ? colored : uncolored;
  const time = options.timestamps ? `${quote(text(event.time))} ` : "";
  const source = sourceOf(event, parts.body?.process);
  const words = [
    paint(STYLE_OF[parts.emoji] ?? "name", `${parts.emoji} ${parts.name.padEnd(7)}`),
    paint("dim", quote(source)),
    paint("bold", quote(text(parts.body?.process?.binary))),
    parts.details,
    parts.verdict && paint("alarm", parts.verdict),
    sessionText(parts.body?.process?.session),
  ];
  const line = time + words.filter((word) => word !== undefined && word !== "").join(" ");
  return withCapabilities(line, parts, options.color) + stackLines(parts.hook, options);
}

type Parts = {
  readonly emoji: string;
  readonly name: string;
  readonly body?: EventBody;
  readonly hook?: HookBody;
  readonly details?: string;
  /** What was done to the process, shown loudly. */
  readonly verdict?: string;
};

function describe(event: EventJson): Parts {
  if (isRecord(event.process_exec)) return describeExec(event.process_exec);
  if (isRecord(event.process_exit)) return describeExit(event.process_exit);
  if (isRecord(event.process_kprobe)) return describeCall(event.process_kprobe);
  if (isRecord(event.process_lsm)) {
    return hookParts("🔒", "LSM", event.process_lsm, text(event.process_lsm.function_name));
  }
  if (isRecord(event.process_tracepoint)) {
    const body = event.process_tracepoint;
    const raw = text(body.subsys) === "raw_syscalls";
    return hookParts(raw ? "☎" : "⁉️", raw ? "syscall" : text(body.subsys), body, text(body.event));
  }
  if (isRecord(event.process_uprobe)) {
    const body = event.process_uprobe;
    const place = text(body.symbol) || hex(body.offset);
    return hookParts("🕵️", "uprobe", body, `${text(body.path)}:${place}`);
  }
  if (isRecord(event.process_usdt)) {
    const body = event.process_usdt;
    const probe = [body.path, body.provider, body.name].map((part) => text(part)).join(":");
    return hookParts("🕵️", "usdt", body, probe);
  }
  if (isRecord(event.process_loader)) {
    const body = event.process_loader;
    const id = Buffer.from(text(body.buildid), "base64").toString("hex");
    return { emoji: "🧬", name: "loader", body, details: `${quote(text(body.path))} ${id}`.trim() };
  }
  if (isRecord(event.rate_limit_info)) {
    const dropped = text(event.rate_limit_info.number_of_dropped_process_events);
    // Without a number: the connection to a node or an operator's replica broke.
    const verdict = `${dropped === "" ? "an unknown number of" : quote(dropped)} events were not sent`;
    return { emoji: "🧬", name: "lost", details: "", verdict };
  }
  if (isRecord(event.policy_fuse)) {
    const { policy_name: name, fuse, state } = event.policy_fuse;
    const what =
      text(state) === "armed" ? "was armed again: it enforces" : "is blown: it only monitors";
    return {
      emoji: "🧯",
      name: "fuse",
      details: quote(text(name)),
      verdict: `its fuse ${quote(text(fuse))} ${what}`,
    };
  }
  const kind = eventKind(event) ?? "unknown";
  const body = (event as Record<string, unknown>)[kind];
  return { emoji: "🧬", name: kind.replace("process_", ""), ...(isRecord(body) && { body }) };
}

function describeExec(body: EventBody): Parts {
  return { emoji: "🚀", name: "process", body, details: quote(text(body.process?.arguments)) };
}

function describeExit(body: NonNullable<EventJson["process_exit"]>): Parts {
  const details = quote(text(body.process?.arguments));
  const signal = text(body.signal);
  return signal === ""
    ? {
        emoji: "💥",
        name: "exit",
        body,
        details: `${details} ${quote(text(body.status) || "0")}`.trim(),
      }
    : { emoji: "💥", name: "exit", body, details, verdict: quote(signal) };
}

function describeCall(body: HookBody): Parts {
  const name = text(body.function_name).replace(/^__(x64|arm64)_/, "");
  const args = argsOf(body);
  const call = CALLS[name];
  if (call === undefined) return hookParts("❓", "syscall", body, text(body.function_name));
  const { emoji, verb } = typeof call.as === "function" ? call.as(args) : call.as;
  const details = (call.details?.(args) ?? args.map(argumentText).join(" ")) + dataText(body);
  return { emoji, name: verb, body, hook: body, details, ...verdictOf(body) };
}

function hookParts(emoji: string, name: string, body: HookBody, what: string): Parts {
  const details = [quote(what), ...argsOf(body).map(argumentText)].join(" ") + dataText(body);
  return { emoji, name: quote(name), body, hook: body, details, ...verdictOf(body) };
}

/** What is no argument of the call, in brackets. */
function dataText(body: HookBody): string {
  const data = dataOf(body).map((item) => {
    const label = text(item.label);
    return `${label === "" ? "" : `${quote(label)}=`}${argumentText(item)}`;
  });
  return data.length === 0 ? "" : ` (${data.join(" ")})`;
}

const VERDICTS: Readonly<Record<string, string>> = {
  KPROBE_ACTION_SIGKILL: "SIGKILL",
  KPROBE_ACTION_SIGNAL: "SIGNAL",
  KPROBE_ACTION_OVERRIDE: "DENIED",
  KPROBE_ACTION_NOTIFYENFORCER: "ENFORCED",
  KPROBE_ACTION_SET: "SET",
};

function verdictOf(body: HookBody): { verdict: string } | undefined {
  const verdict = VERDICTS[text(body.action)] ?? VERDICTS[text(body.return_action)];
  if (verdict === undefined) return undefined;
  return { verdict: `⛔ ${verdict} by ${quote(text(body.policy_name))}` };
}

type Shown = { readonly emoji: string; readonly verb: string };
type Args = readonly ArgJson[];
type Call = {
  readonly as: Shown | ((args: Args) => Shown);
  readonly details?: (args: Args) => string;
};

const OPEN = { as: { emoji: "📬", verb: "open" }, details: firstPath };
const WRITE = { emoji: "📝", verb: "write" };
const READ = { emoji: "📚", verb: "read" };

/** Functions that have a face of their own; by name without the prefix of the architecture. */
const CALLS: Readonly<Record<string, Call>> = {
  sys_write: { as: WRITE, details: (args) => withSize(firstPath(args), args[2]) },
  sys_read: { as: READ, details: (args) => withSize(firstPath(args), args[2]) },
  fd_install: OPEN,
  sys_open: OPEN,
  sys_openat: OPEN,
  security_file_open: OPEN,
  sys_close: { as: { emoji: "📪", verb: "close" }, details: firstPath },
  // The second argument is a mask of MAY_WRITE (2) and MAY_READ (4).
  security_file_permission: { as: (args) => byMask(args[1], "2", "4"), details: firstPath },
  // The second argument is the protection: PROT_READ (1), PROT_WRITE (2).
  security_mmap_file: { as: (args) => byMask(args[1], "2", "1"), details: firstPath },
  security_path_truncate: { as: { emoji: "📝", verb: "truncate" }, details: firstPath },
  security_file_truncate: { as: { emoji: "📝", verb: "truncate" }, details: firstPath },
  sys_mount: { as: { emoji: "💾", verb: "mount" } },
  sys_pivot_root: { as: { emoji: "💾", verb: "pivot_root" } },
  sys_setuid: { as: { emoji: "🔑", verb: "setuid" } },
  sys_clock_settime: { as: { emoji: "⏰", verb: "clock_settime" } },
  sys_setns: { as: { emoji: "🔧", verb: "setns" } },
  proc_exec_connector: { as: { emoji: "🔧", verb: "proc_exec_connector" } },
  tcp_connect: { as: { emoji: "🔌", verb: "connect" }, details: socket },
  tcp_close: { as: { emoji: "🧹", verb: "close" }, details: socket },
  tcp_sendmsg: {
    as: { emoji: "📤", verb: "sendmsg" },
    details: (args) => withSize(socket(args), args[1]),
  },
  security_perf_event_alloc: { as: { emoji: "🐝", verb: "perf_event_alloc" } },
  security_bpf_prog_load: { as: { emoji: "🐝", verb: "bpf_load" } },
  security_bpf_map_create: { as: { emoji: "🗺", verb: "bpf_map_create" } },
};

function byMask(arg: ArgJson | undefined, write: string, read: string): Shown {
  const value = integerOf(arg);
  if (value === write) return WRITE;
  if (value === read) return READ;
  return { emoji: "❓", verb: "access" };
}

function firstPath(args: Args): string {
  return args.map(pathText).find((path) => path !== "") ?? args.map(argumentText).join(" ");
}

function socket(args: Args): string {
  const arg = args.find((candidate) => "sock_arg" in candidate);
  return arg === undefined ? args.map(argumentText).join(" ") : socketText(arg.sock_arg);
}

function withSize(details: string, arg: ArgJson | undefined): string {
  const size = integerOf(arg);
  return size === undefined ? details : `${details} ${quote(size)} bytes`;
}

/** Who started it from outside of its container; nothing for what the kubelet does by itself. */
function sessionText(session: unknown): string {
  if (!isRecord(session)) return "";
  const candidates = Array.isArray(session.candidates) ? session.candidates.filter(isRecord) : [];
  const user = text(session.user);
  if (user !== "") return `👤 ${quote(user)}`;
  const names = candidates.map((one) => text(one.user) || text(one.kind)).map(quote);
  if (session.unannounced === true) names.push("unannounced");
  return names.length === 0 ? "" : `👤 ${[...new Set(names)].join(" or ")}`;
}

function sourceOf(event: EventJson, process: ProcessJson | undefined): string {
  const pod = process?.pod;
  if (isRecord(pod) && text(pod.name) !== "") return `${text(pod.namespace)}/${text(pod.name)}`;
  return text(event.node_name);
}

const CAPABILITY_COLUMN = 120;

/** A process that may do nearly anything is marked at the right. */
function withCapabilities(line: string, parts: Parts, color: boolean): string {
  const effective = parts.body?.process?.cap?.effective;
  if (!Array.isArray(effective) || !effective.includes("CAP_SYS_ADMIN")) return line;
  const mark = "🛑 CAP_SYS_ADMIN";
  return `${line.padEnd(CAPABILITY_COLUMN)} ${color ? colored("alarm", mark) : mark}`;
}

function stackLines(hook: HookBody | undefined, options: CompactOptions): string {
  if (!options.stackTraces || hook === undefined) return "";
  const lines: string[] = [];
  for (const [title, stack] of [
    ["Kernel:", hook.kernel_stack_trace],
    ["User space:", hook.user_stack_trace],
  ] as const) {
    if (!Array.isArray(stack) || stack.length === 0) continue;
    lines.push(title, ...stack.filter(isRecord).map(stackEntry));
  }
  return lines.map((line) => `\n   ${line}`).join("");
}

function stackEntry(entry: Readonly<Record<string, unknown>>): string {
  const symbol = quote(text(entry.symbol));
  const offset = hex(entry.offset);
  const module = text(entry.module);
  if (module === "") return `${hex(entry.address)}: ${symbol}+${offset}`;
  return `${hex(entry.address)}: ${symbol} (${quote(module)}+${offset})`;
}

function hex(value: unknown): string {
  return /^\d{1,20}$/.test(text(value)) ? `0x${BigInt(text(value)).toString(16)}` : "0x0";
}

type Style = "name" | "dim" | "bold" | "exit" | "write" | "network" | "alarm";

const SGR: Readonly<Record<Style, string>> = {
  name: "36",
  dim: "2",
  bold: "1",
  exit: "35",
  write: "33",
  network: "34",
  alarm: "1;31",
};

const STYLE_OF: Readonly<Record<string, Style>> = {
  "💥": "exit",
  "📝": "write",
  "🔌": "network",
  "📤": "network",
  "🧹": "network",
};

function colored(style: Style, words: string): string {
  return words === "" ? "" : `\u001b[${SGR[style]}m${words}\u001b[0m`;
}

function uncolored(_style: Style, words: string): string {
  return words;
}
