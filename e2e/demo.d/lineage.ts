// SPDX-License-Identifier: Apache-2.0

import {
  argumentText,
  integerOf,
  socketText,
} from "../../packages/cli/src/events/argument-text.ts";
import {
  argsOf,
  type EventBody,
  type EventJson,
  isRecord,
  type ProcessJson,
  text,
} from "../../packages/cli/src/events/event-json.ts";
import { quote } from "../../packages/cli/src/events/quote.ts";

/** A process as its events tell of it. */
export type Lineage = {
  readonly execId: string;
  readonly pid: number;
  readonly command: string;
  /** What policies saw it do, in order. */
  readonly deeds: readonly Deed[];
  /** `exit 0`, `SIGKILL`; empty while it runs. */
  readonly end: string;
  readonly children: readonly Lineage[];
};

export type Deed = { readonly what: string; readonly policy: string; readonly killed: boolean };

type Growing = {
  execId: string;
  parentId: string;
  pid: number;
  command: string;
  deeds: Deed[];
  end: string;
};

/**
 * The trees of what process `pid` was (one a program it has been) and all that it started, from events
 * in the order in which they happened; none if no event tells of it.
 */
export function lineagesOf(pid: number, events: readonly EventJson[]): readonly Lineage[] {
  const processes = new Map<string, Growing>();
  for (const event of events) note(processes, event);
  const all = [...processes.values()];
  // A program that replaced another one of the same process may hang below that one.
  return all
    .filter((one) => one.pid === pid && processes.get(one.parentId)?.pid !== pid)
    .map((root) => grow(root, all));
}

function note(processes: Map<string, Growing>, event: EventJson): void {
  const body = bodyOf(event);
  if (body?.process === undefined) return;
  const process = processOf(processes, body.process);
  if (isRecord(event.process_exit)) {
    const signal = text(event.process_exit.signal);
    process.end = signal === "" ? `exit ${text(event.process_exit.status) || "0"}` : quote(signal);
  }
  if (isRecord(event.process_kprobe)) {
    const call = event.process_kprobe;
    process.deeds.push({
      what: deedText(text(call.function_name), argsOf(call)),
      policy: quote(text(call.policy_name)),
      killed: text(call.action) === "KPROBE_ACTION_SIGKILL",
    });
  }
}

function bodyOf(event: EventJson): EventBody | undefined {
  return event.process_exec ?? event.process_exit ?? event.process_kprobe;
}

function processOf(processes: Map<string, Growing>, json: ProcessJson): Growing {
  const execId = text(json.exec_id);
  const known = processes.get(execId);
  if (known !== undefined) return known;
  const args = text(json.arguments);
  const process: Growing = {
    execId,
    parentId: text(json.parent_exec_id),
    pid: Number(text(json.pid)),
    command: args === "" ? quote(text(json.binary)) : `${quote(text(json.binary))} ${shown(args)}`,
    deeds: [],
    end: "",
  };
  processes.set(execId, process);
  return process;
}

/** Arguments without the quotes around the whole, as long as nothing in them needs escaping. */
function shown(args: string): string {
  const quoted = quote(args);
  return quoted === `"${args}"` ? args : quoted;
}

function deedText(name: string, args: ReturnType<typeof argsOf>): string {
  const [first, second] = args;
  if (name === "tcp_connect" && first !== undefined) return `connect ${socketText(first.sock_arg)}`;
  if (name === "security_file_permission" && first !== undefined)
    return `${integerOf(second) === "2" ? "write" : "read"} ${argumentText(first)}`;
  if (name === "security_bprm_check" && first !== undefined) return `start ${argumentText(first)}`;
  return [quote(name), ...args.map(argumentText)].join(" ");
}

function grow(root: Growing, all: readonly Growing[]): Lineage {
  const { execId, pid, command, deeds, end } = root;
  const children = all.filter((process) => process.parentId === execId && process !== root);
  return { execId, pid, command, deeds, end, children: children.map((child) => grow(child, all)) };
}

export type Paint = (style: "bold" | "dim" | "good" | "bad", words: string) => string;

/** The tree as lines, children below their parents. */
export function lineageLines(tree: Lineage, paint: Paint): readonly string[] {
  const end =
    tree.end === ""
      ? ""
      : `  ${tree.end === "exit 0" ? paint("dim", tree.end) : paint("bad", tree.end)}`;
  const lines = [`${paint("bold", tree.command)}${end}`];
  const last = tree.children.length - 1;
  for (const deed of tree.deeds) {
    const verdict = deed.killed ? paint("bad", " ⛔ killed") : "";
    lines.push(
      `${last >= 0 ? "│ " : "  "} ${deed.what} ${paint("dim", `(${deed.policy})`)}${verdict}`,
    );
  }
  tree.children.forEach((child, index) => {
    const [head = "", ...rest] = lineageLines(child, paint);
    lines.push(`${index === last ? "└─ " : "├─ "}${head}`);
    lines.push(...rest.map((line) => `${index === last ? "   " : "│  "}${line}`));
  });
  return lines;
}
