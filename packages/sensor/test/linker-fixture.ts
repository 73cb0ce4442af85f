// SPDX-License-Identifier: Apache-2.0
// For tests of the linker: rules on a hook with one argument of each kind.

import type { HookPoint, TypedFilter } from "@gander/policy";
import { action, limits, valueType } from "../src/link/abi.gen.ts";
import type { FileIdentity } from "../src/link/file-identity.ts";
import { createFollowBits } from "../src/link/follow-bits.ts";
import { type LinkInput, link } from "../src/link/linker.ts";
import type { InstalledRule, PlannedRule, PlannedSelector } from "../src/link/planned-rule.ts";
import { createSetInterner } from "../src/link/set-interner.ts";
import type { Call } from "../src/reference/call.ts";

export const hostNamespace = () => 4026531840n;

export function selector(
  filters: readonly TypedFilter[],
  returnFilters: readonly TypedFilter[] = [],
  index = 0,
  actions: number = action.ACTION_POST,
): PlannedSelector {
  const verdict = {
    actions,
    error: 0,
    signal: 0,
    rateScope: 0,
    rateWindowMs: 0,
    selector: index,
  };
  return { filters, returnFilters, verdict };
}

export const slot = (type: number, raw: number) => ({ type, raw, flags: 0, sizeRaw: 0, size: 0 });
const returnValue = { slot: slot(valueType.VALUE_S32, limits.RAW_RETURN), signed: true };

/** Argument 0: int, 1: uint32, 2: int64, 3: text, 4: socket, 5: file. */
export const types = [
  valueType.VALUE_S32,
  valueType.VALUE_U32,
  valueType.VALUE_U64,
  valueType.VALUE_STRING,
  valueType.VALUE_SOCK,
  valueType.VALUE_FILE,
];
const args = types.map((type, raw) => ({ slot: slot(type, raw), signed: raw === 0 || raw === 2 }));

const point: HookPoint = { kind: "lsm", target: "file_open", syscall: false };
const plan = { point, flags: 0, args, returnValue, onlyWhenEnforcing: false };

export function rule(
  selectors: readonly PlannedSelector[],
  id = 1,
  hookId = 1,
  changes: Partial<PlannedRule> = {},
): InstalledRule {
  const counters = selectors.map(({ verdict }) => verdict.selector);
  return { id, hookId, planned: { ...plan, selectors, ...changes }, counters };
}

type LinkOptions = {
  readonly mode?: "enforce" | "monitor";
  /** Of the first policy; one more for each further. 0: all have the same. */
  readonly firstId?: number;
  /** How many groups have all rules. */
  readonly groups?: number;
  readonly belongs?: LinkInput["belongs"];
};

export function linkRules(
  rules: readonly InstalledRule[],
  { mode = "enforce", firstId = 0, groups = 1, belongs }: LinkOptions = {},
) {
  const sets = createSetInterner();
  const policies = rules.map((one, i) => ({
    rules: [one],
    id: firstId && firstId + i,
    budget: 0,
    mode,
  }));
  const tables = link({
    policies,
    groups: Array.from({ length: groups }, () => policies.map((_, i) => i)),
    ...(belongs && { belongs }),
    sets,
    follow: createFollowBits(),
    fileIdentity: (path) => hostFiles.get(path),
    hostNamespace,
  });
  return { tables, sets };
}

/** Files that differ in one number each; /bin and /sbin lead to the same one. */
export const hostFiles: ReadonlyMap<string, FileIdentity> = new Map([
  ["/bin/a", { inode: 7n, device: 1, generation: 5 }],
  ["/sbin/a", { inode: 7n, device: 1, generation: 5 }],
  ["/bin/b", { inode: 8n, device: 1, generation: 5 }],
  ["/bin/c", { inode: 7n, device: 2, generation: 5 }],
]);

export const plainSocket = {
  saddr: "0a000001",
  daddr: "0a000001",
  addressFamily: 4,
  sport: 1,
  dport: 1,
  protocol: 6,
  family: 2,
  state: 1,
} as const;
export const namespaces = {
  uts: 1n,
  ipc: 1n,
  mnt: 1n,
  pid: 1n,
  pid_for_children: 1n,
  net: 1n,
  time: 1n,
  time_for_children: 1n,
  cgroup: 1n,
  user: 1n,
};
export const hosts = Object.fromEntries(
  Object.keys(namespaces).map((name) => [name, hostNamespace()]),
) as typeof namespaces;
export const plainCall: Call = {
  args: [],
  returned: 0n,
  pid: 1,
  nsPid: 1,
  ancestors: { zero: true, first: true },
  binary: "/a",
  file: { inode: 7n, device: 1, generation: 5 },
  hostFiles,
  namespaces,
  hostNamespaces: hosts,
  capabilities: { effective: 0n, inheritable: 0n, permitted: 0n },
  properties: {},
  exec: { args: [], env: [] },
  parent: "/a",
  ancestorBinaries: ["/a"],
  before: { namespaces, capabilities: { effective: 0n, inheritable: 0n, permitted: 0n } },
};
