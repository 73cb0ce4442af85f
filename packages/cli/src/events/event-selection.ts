// SPDX-License-Identifier: Apache-2.0
import { type EventJson, eventKind, isRecord, text } from "./event-json.ts";

/** Which events a person wants to see; empty lists ask for nothing in particular. */
export type EventSelection = {
  /** Upper-case names as in the interface, e.g. `PROCESS_EXEC`. */
  readonly types: readonly string[];
  readonly namespaces: readonly string[];
  /** Regular expressions over the namespace. */
  readonly namespacePatterns: readonly string[];
  /** Also those of no pod. */
  readonly host: boolean;
  /** Regular expressions over the binary's path. */
  readonly processes: readonly string[];
  readonly pods: readonly string[];
  readonly policies: readonly string[];
  /** Of the session; also if it may be another's. */
  readonly users: readonly string[];
  readonly cel: readonly string[];
};

/** The kinds of event that can be asked for, as they are named in requests: all that sensors create. */
export const EVENT_TYPES = [
  "PROCESS_EXEC",
  "PROCESS_EXIT",
  "PROCESS_KPROBE",
  "PROCESS_TRACEPOINT",
  "PROCESS_LSM",
  "PROCESS_UPROBE",
  "PROCESS_USDT",
  "PROCESS_LOADER",
  "RATE_LIMIT_INFO",
  "POLICY_FUSE",
] as const;

/** The `allow_list` of a GetEvents request: one filter whose parts must all hold; none for everything. */
export function allowList(selection: EventSelection): readonly Readonly<Record<string, unknown>>[] {
  const namespaces = selection.host ? [...selection.namespaces, ""] : selection.namespaces;
  const parts: Readonly<Record<string, readonly string[]>> = {
    event_set: selection.types,
    namespace: namespaces,
    namespace_regex: selection.namespacePatterns,
    binary_regex: selection.processes,
    pod_regex: selection.pods,
    policy_names: selection.policies,
    user: selection.users,
    cel_expression: selection.cel,
  };
  const set = Object.entries(parts).filter(([, values]) => values.length > 0);
  return set.length === 0 ? [] : [Object.fromEntries(set)];
}

/** Compiles a regular expression, or throws Error saying what is wrong in it. */
type CompileRegex = (source: string) => { test(text: string): boolean };

/** The same question asked of an event that came from a file, but for expressions in CEL. */
export function eventMatcher(
  selection: EventSelection,
  compile: CompileRegex,
): (event: EventJson) => boolean {
  const processes = selection.processes.map(compile);
  const patterns = selection.namespacePatterns.map(compile);
  const pods = selection.pods.map(compile);
  const anyNamespace = selection.namespaces.length === 0 && !selection.host;
  return (event) => {
    const kind = eventKind(event) ?? "";
    const body = (event as Record<string, unknown>)[kind];
    const process = isRecord(body) && isRecord(body.process) ? body.process : {};
    const pod = isRecord(process.pod) ? process.pod : {};
    const namespace = text(pod.namespace);
    const policy = isRecord(body) ? text(body.policy_name) : "";
    return (
      isAmong(kind.toUpperCase(), selection.types) &&
      (anyNamespace ||
        (namespace === "" ? selection.host : selection.namespaces.includes(namespace))) &&
      matchesOne(namespace, patterns) &&
      matchesOne(text(process.binary), processes) &&
      matchesOne(text(pod.name), pods) &&
      isAmong(policy, selection.policies) &&
      (selection.users.length === 0 ||
        usersOf(process).some((user) => selection.users.includes(user)))
    );
  };
}

/** The user of the process's session, or those of whom it may be. */
function usersOf({ session }: Readonly<Record<string, unknown>>): readonly string[] {
  if (!isRecord(session)) return [];
  const candidates = Array.isArray(session.candidates) ? session.candidates.filter(isRecord) : [];
  return [session, ...candidates].map(({ user }) => text(user));
}

function isAmong(value: string, wanted: readonly string[]): boolean {
  return wanted.length === 0 || wanted.includes(value);
}

function matchesOne(value: string, patterns: readonly ReturnType<CompileRegex>[]): boolean {
  return patterns.length === 0 || patterns.some((pattern) => pattern.test(value));
}
