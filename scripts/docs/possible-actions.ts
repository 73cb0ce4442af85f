// SPDX-License-Identifier: Apache-2.0
import { type ActionRow, actionRows } from "../../packages/crd-schemas/src/index.ts";
import { checkPolicy } from "../../packages/policy/src/index.ts";

type Entry = Readonly<Record<string, unknown>>;

/** A hook of each sort that actions distinguish: its section, and an entry without selectors. */
const places: readonly (readonly [name: string, section: string, entry: Entry])[] = [
  ["`security_…` functions", "kprobes", { call: "security_file_open", syscall: false }],
  ["other functions", "kprobes", { call: "tcp_close", syscall: false }],
  ["system calls", "kprobes", { call: "sys_dup" }],
  ["`lsmhooks`", "lsmhooks", { hook: "file_open" }],
  ["`tracepoints`", "tracepoints", { subsystem: "raw_syscalls", event: "sys_enter", raw: true }],
  ["`uprobes`", "uprobes", { path: "/usr/bin/true", symbols: ["main"] }],
  ["`usdts`", "usdts", { path: "/usr/bin/true", provider: "a", name: "b" }],
];

export const placeNames = places.map(([name]) => name);

/** Parameters that an action can't be without. */
const parameters: Readonly<Partial<Record<ActionRow["name"], Entry>>> = {
  Signal: { argSig: 15 },
  Override: { argError: -1 },
  NotifyEnforcer: { argError: -1 },
  GetUrl: { argUrl: "https://canary.example.com/" },
  DnsLookup: { argFqdn: "canary.example.com" },
};

/** No kernel that is tested can make a system call fail: packages/policy/src/kernel-check/place-hook.ts. */
const refusedByKernels = (action: string, place: string) =>
  action === "Override" && place === "system calls";

/** Where the check accepts an action, in the order of `placeNames`. */
export function possibleActions(): ReadonlyMap<string, readonly boolean[]> {
  return new Map(
    actionRows.map((row) => [
      row.name,
      places.map(
        ([place, section, entry]) =>
          isAccepted(row, section, entry) && !refusedByKernels(row.name, place),
      ),
    ]),
  );
}

function isAccepted({ name, form }: ActionRow, section: string, entry: Entry): boolean {
  const action = { action: name, ...parameters[name] };
  const socket = form === "socket" ? { args: [{ index: 0, type: "sock" }] } : {};
  // Nothing is cleaned up where nothing notifies.
  const others =
    form === "cleanup" ? [{ matchActions: [{ action: "NotifyEnforcer", argError: -1 }] }] : [];
  const policy = {
    apiVersion: "cilium.io/v1alpha1",
    kind: "TracingPolicy",
    metadata: { name: "possible" },
    spec: {
      ...(form === "notify" || form === "cleanup"
        ? { enforcers: [{ calls: ["security_file_open"] }] }
        : {}),
      [section]: [{ ...entry, ...socket, selectors: [{ matchActions: [action] }, ...others] }],
    },
  };
  return checkPolicy(JSON.stringify(policy), { file: "possible.json" }).problems === undefined;
}
