// SPDX-License-Identifier: Apache-2.0

type Row = {
  /** Its name in compiled policies. */
  readonly word: string;
  /** Fields of an entry of matchActions that belong to it. */
  readonly parameters?: readonly string[];
  /** Names the compiler of its parameters (`compile-actions.ts` in @gander/policy); absent if none. */
  readonly form?: string;
  /**
   * What it does to the caller or the call: a name of `enum action` (bpf/records.h) without ACTION_.
   * Absent if it only decides what happens to the event.
   */
  readonly enforces?: string;
  /** What it tells the programs: a name of `enum action` without ACTION_. */
  readonly tells?: string;
  /** What the sensor does when the event arrives, if its configuration allows that. */
  readonly requests?: "http" | "dns";
  /** Whether it acts on the call, which only a program that decides can do, or on the process. */
  readonly on?: "call" | "process";
  /** The process must not see the end of the call: if the program decides, the call is denied. */
  readonly endsCall?: true;
  /** The action that events report: a name of KprobeAction without KPROBE_ACTION_. */
  readonly event?: string;
};

/**
 * The actions. A new one without parameters is a row here, its bit in bpf/records.h and its effect in
 * bpf/verdict.bpf.h. If several were taken, an event names the first in this order.
 */
const actions = {
  Sigkill: { word: "sigkill", enforces: "KILL", on: "process", endsCall: true, event: "SIGKILL" },
  Signal: {
    word: "signal",
    form: "signal",
    parameters: ["argSig"],
    enforces: "SIGNAL",
    on: "process",
    event: "SIGNAL",
  },
  Override: {
    word: "override",
    form: "override",
    parameters: ["argError", "argRegs", "argNewSymbol", "argNewAddr", "argNewOffset"],
    enforces: "DENY",
    on: "call",
    event: "OVERRIDE",
  },
  NotifyEnforcer: {
    word: "notify-enforcer",
    form: "notify",
    parameters: ["argError", "argSig"],
    enforces: "MARK_CALL",
    on: "process",
    event: "NOTIFYENFORCER",
  },
  Post: {
    word: "post",
    form: "post",
    parameters: ["rateLimit", "rateLimitScope", "kernelStackTrace", "userStackTrace", "imaHash"],
  },
  NoPost: { word: "no-post" },
  TrackSock: {
    word: "track-sock",
    form: "socket",
    parameters: ["argSock"],
    tells: "TRACK_SOCK",
    event: "TRACKSOCK",
  },
  UntrackSock: {
    word: "untrack-sock",
    form: "socket",
    parameters: ["argSock"],
    tells: "UNTRACK_SOCK",
    event: "UNTRACKSOCK",
  },
  GetUrl: {
    word: "get-url",
    form: "url",
    parameters: ["argUrl"],
    requests: "http",
    event: "GETURL",
  },
  DnsLookup: {
    word: "dns-lookup",
    form: "name",
    parameters: ["argFqdn"],
    requests: "dns",
    event: "DNSLOOKUP",
  },
  CleanupEnforcerNotification: {
    word: "cleanup-enforcer-notification",
    form: "cleanup",
    tells: "UNMARK_CALL",
    event: "CLEANUPENFORCERNOTIFICATION",
  },
} as const satisfies Readonly<Record<string, Row>>;

type Unsupported = { readonly instead: string; readonly parameters?: readonly string[] };

/** What an action that makes requests needs: the values of the sensor's option `policy-requests`. */
export const requestKinds = ["http", "dns"] as const;

/** Actions of the language that nothing implements yet: what to write instead. */
const unsupported = {
  Set: {
    instead: "Use Override to change what the call returns.",
    parameters: ["argIndex", "argValue"],
  },
} as const satisfies Readonly<Record<string, Unsupported>>;

type Actions = typeof actions;

/** Every name that a policy may use. */
type ActionName = keyof Actions | keyof typeof unsupported;

/** The words in compiled policies. */
type ActionWord = Actions[keyof Actions]["word"];

/** The word of an action whose parameters `form` compiles; "plain" if it has none. */
export type ActionForm = Extract<Actions[keyof Actions], { form: string }>["form"];
/** The words of those that are about a socket. */
export type SocketActionWord = Extract<Actions[keyof Actions], { form: "socket" }>["word"];
export type PlainActionWord = Exclude<Actions[keyof Actions], { form: string }>["word"];

export type ActionRow = Row & {
  readonly name: keyof Actions;
  readonly word: ActionWord;
  readonly form?: ActionForm;
  readonly enforces?: Extract<Actions[keyof Actions], { enforces: string }>["enforces"];
  readonly tells?: Extract<Actions[keyof Actions], { tells: string }>["tells"];
  readonly requests?: (typeof requestKinds)[number];
  readonly event?: Extract<Actions[keyof Actions], { event: string }>["event"];
};

export const actionRows: readonly ActionRow[] = Object.entries(actions).map(([name, row]) => ({
  ...row,
  name: name as keyof Actions,
}));

const byWord = new Map(actionRows.map((row) => [row.word, row]));

/** By its word in compiled policies. */
export function actionRow(word: ActionWord): ActionRow {
  const row = byWord.get(word);
  if (row === undefined) throw new Error(`no action is called ${word}`);
  return row;
}

export const actionsByName: ReadonlyMap<string, ActionRow> = new Map(
  actionRows.map((row) => [row.name, row]),
);

export const actionNames = [
  ...Object.keys(actions),
  ...Object.keys(unsupported),
] as readonly string[] as readonly ActionName[];

const all: Readonly<Record<string, Partial<Row & Unsupported>>> = { ...actions, ...unsupported };

/** The actions that a field of an entry of matchActions belongs to; empty if it is no parameter. */
export const actionsWith = (parameter: string): readonly string[] =>
  Object.keys(all).filter((name) => all[name]?.parameters?.includes(parameter));

/** What to write instead of an unsupported action. */
export const insteadOfAction = (name: ActionName): string => all[name]?.instead ?? "";
