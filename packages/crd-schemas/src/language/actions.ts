// SPDX-License-Identifier: Apache-2.0

type Row = {
  /** Its name in compiled policies. */
  readonly word: string;
  /** For people: what it does. */
  readonly says: string;
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
  Sigkill: {
    word: "sigkill",
    says: "the process is killed",
    enforces: "KILL",
    on: "process",
    endsCall: true,
    event: "SIGKILL",
  },
  Signal: {
    word: "signal",
    says: "the process gets a signal",
    form: "signal",
    parameters: ["argSig"],
    enforces: "SIGNAL",
    on: "process",
    event: "SIGNAL",
  },
  Override: {
    word: "override",
    says: "the call is denied: it is not carried out, and returns an error; at a function of a program, registers change or another function runs",
    form: "override",
    parameters: ["argError", "argRegs", "argNewSymbol", "argNewAddr", "argNewOffset"],
    enforces: "DENY",
    on: "call",
    event: "OVERRIDE",
  },
  NotifyEnforcer: {
    word: "notify-enforcer",
    says: "the system call is marked for the policy's `enforcers`",
    form: "notify",
    parameters: ["argError", "argSig"],
    enforces: "MARK_CALL",
    on: "process",
    event: "NOTIFYENFORCER",
  },
  Set: {
    word: "set",
    says: "an argument of the static probe gets another value, in the memory of the process",
    form: "set",
    parameters: ["argIndex", "argValue"],
    enforces: "SET",
    on: "process",
    event: "SET",
  },
  Post: {
    word: "post",
    says: "an event is posted, which is so without actions, too",
    form: "post",
    parameters: ["rateLimit", "rateLimitScope", "kernelStackTrace", "userStackTrace", "imaHash"],
  },
  NoPost: { word: "no-post", says: "no event is posted" },
  TrackSock: {
    word: "track-sock",
    says: "the socket belongs to this process from now on",
    form: "socket",
    parameters: ["argSock"],
    tells: "TRACK_SOCK",
    event: "TRACKSOCK",
  },
  UntrackSock: {
    word: "untrack-sock",
    says: "the socket belongs to this process no longer",
    form: "socket",
    parameters: ["argSock"],
    tells: "UNTRACK_SOCK",
    event: "UNTRACKSOCK",
  },
  GetUrl: {
    word: "get-url",
    says: "the sensor fetches a page when the event arrives, if its option `--policy-requests` allows that",
    form: "url",
    parameters: ["argUrl"],
    requests: "http",
    event: "GETURL",
  },
  DnsLookup: {
    word: "dns-lookup",
    says: "the sensor asks for a name when the event arrives, if its option `--policy-requests` allows that",
    form: "name",
    parameters: ["argFqdn"],
    requests: "dns",
    event: "DNSLOOKUP",
  },
  CleanupEnforcerNotification: {
    word: "cleanup-enforcer-notification",
    says: "a mark on the system call is removed",
    form: "cleanup",
    tells: "UNMARK_CALL",
    event: "CLEANUPENFORCERNOTIFICATION",
  },
} as const satisfies Readonly<Record<string, Row>>;

/** What an action that makes requests needs: the values of the sensor's option `policy-requests`. */
export const requestKinds = ["http", "dns"] as const;

type Actions = typeof actions;

/** Every name that a policy may use. */
type ActionName = keyof Actions;

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

export const actionNames = Object.keys(actions) as readonly ActionName[];

/** The actions that a field of an entry of matchActions belongs to; empty if it is no parameter. */
export const actionsWith = (parameter: string): readonly string[] =>
  actionRows.flatMap((row) => (row.parameters?.includes(parameter) ? [row.name] : []));
