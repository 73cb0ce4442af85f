// SPDX-License-Identifier: Apache-2.0

/**
 * The parts of an exported event that the command line looks at, in the form of the JSON export
 * (docs/events.md). It may come from a file or a pipe, so every leaf is unknown until it is shown.
 */
export type EventJson = {
  readonly process_exec?: EventBody;
  readonly process_exit?: EventBody & { readonly signal?: unknown; readonly status?: unknown };
  readonly process_kprobe?: HookBody;
  readonly process_lsm?: HookBody;
  readonly process_tracepoint?: HookBody & { readonly subsys?: unknown; readonly event?: unknown };
  readonly process_uprobe?: HookBody & {
    readonly path?: unknown;
    readonly symbol?: unknown;
    readonly offset?: unknown;
  };
  readonly process_usdt?: HookBody & {
    readonly path?: unknown;
    readonly provider?: unknown;
    readonly name?: unknown;
  };
  readonly process_loader?: EventBody & { readonly path?: unknown; readonly buildid?: unknown };
  readonly policy_fuse?: Readonly<Record<string, unknown>>;
  readonly rate_limit_info?: { readonly number_of_dropped_process_events?: unknown };
  readonly node_name?: unknown;
  readonly time?: unknown;
};

export type EventBody = {
  readonly process?: ProcessJson;
  readonly parent?: ProcessJson;
};

export type ProcessJson = {
  readonly exec_id?: unknown;
  readonly parent_exec_id?: unknown;
  readonly pid?: unknown;
  readonly binary?: unknown;
  readonly arguments?: unknown;
  readonly pod?: { readonly namespace?: unknown; readonly name?: unknown };
  readonly session?: unknown;
  readonly cap?: { readonly effective?: unknown };
};

export type HookBody = EventBody & {
  readonly function_name?: unknown;
  readonly args?: unknown;
  readonly data?: unknown;
  readonly return?: unknown;
  readonly action?: unknown;
  readonly return_action?: unknown;
  readonly policy_name?: unknown;
  readonly message?: unknown;
  readonly kernel_stack_trace?: unknown;
  readonly user_stack_trace?: unknown;
};

export type ArgJson = { readonly [kind: string]: unknown };

const BODIES = [
  "process_exec",
  "process_exit",
  "process_kprobe",
  "process_tracepoint",
  "process_loader",
  "process_uprobe",
  "process_throttle",
  "process_lsm",
  "process_usdt",
  "test",
  "rate_limit_info",
  "policy_fuse",
] as const;

/** The name of the event's kind, such as `process_exec`; undefined if it is none that is known. */
export function eventKind(event: EventJson): (typeof BODIES)[number] | undefined {
  return BODIES.find((name) => isRecord((event as Record<string, unknown>)[name]));
}

/** Reads one line of a JSON export; undefined if it is not an event. */
export function parseEvent(line: string): EventJson | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) && eventKind(value) !== undefined ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Arguments of a hook, whatever the line held in their place. */
export function argsOf(body: HookBody): readonly ArgJson[] {
  return Array.isArray(body.args) ? body.args.filter(isRecord) : [];
}

/** Values besides the arguments. */
export function dataOf(body: HookBody): readonly ArgJson[] {
  return Array.isArray(body.data) ? body.data.filter(isRecord) : [];
}

/** Plain text of a leaf; empty if it is absent. */
export function text(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : jsonText(value);
}

/** A line may nest lists deeper than the stack goes: they can be read, and not be written. */
export function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch (error) {
    if (error instanceof RangeError) return "(nested too deep)";
    throw error;
  }
}
