// SPDX-License-Identifier: Apache-2.0
import { actionRows, type WorkloadSelector } from "@gander/policy";
import { applicationFlags, limits, ruleFlags } from "./abi.gen.ts";
import { actionBit } from "./action-bit.ts";
import type { LinkedApplication } from "./linked-tables.ts";
import type { InstalledRule, LinkablePolicy } from "./planned-rule.ts";
import type { Belonging } from "./workloads.ts";

/** The groups of cgroups that policies are linked for. */
export type GroupsInput = {
  /** The policies of each group, as positions in the list of policies; group 0 is "all others". */
  readonly groups: readonly (readonly number[])[];
  /** Whether processes of a group belong to the workloads of a selector; left out: those of none do. */
  readonly belongs?: (group: number, workloads: WorkloadSelector) => Belonging;
};

/** A rule and its policy. */
export type Member = {
  /** Of the policy. */
  readonly position: number;
  readonly policy: LinkablePolicy;
  readonly rule: InstalledRule;
};

/** The rules of a hook, which are neighbours. */
export type PlacedHook = {
  readonly hook: number;
  readonly firstRule: number;
  readonly members: readonly Member[];
  /** By member, the tests of new programs' texts that its rows ask. */
  readonly execTests: readonly (readonly number[])[];
};

type Applied = {
  readonly applications: (LinkedApplication | undefined)[];
  readonly groups: Map<number, number>[];
};

/**
 * The rules of each group at each hook. A rule of which no selector is for a group's workloads is left out there, so
 * that it costs nothing, unless that makes too many combinations: its rows decide the same.
 */
export function applicationsOf(placed: readonly PlacedHook[], input: GroupsInput): Applied {
  const narrow = applyAs(placed, input, (member, group) => mayConcern(member, group, input));
  return narrow.applications.length > limits.MAX_APPLICATIONS
    ? applyAs(placed, input, () => true)
    : narrow;
}

function applyAs(
  placed: readonly PlacedHook[],
  input: GroupsInput,
  concerns: (member: Member, group: number) => boolean,
): Applied {
  const open: Applied = { applications: [undefined], groups: [] };
  const known = new Map<string, number>();
  const byPolicy = rulesByPolicy(placed);
  for (const [group, policies] of input.groups.entries()) {
    const byHook = new Map<PlacedHook, number[]>();
    for (const position of [...new Set(policies)].sort((a, b) => a - b)) {
      for (const { place, bit, member } of byPolicy.get(position) ?? [])
        if (concerns(member, group)) addTo(byHook, place, bit);
    }
    const own = new Map<number, number>();
    for (const [place, bits] of [...byHook].sort(([a], [b]) => a.hook - b.hook))
      own.set(place.hook, addApplication(open, known, place, bits));
    open.groups.push(own);
  }
  return open;
}

type PlacedMember = { readonly place: PlacedHook; readonly bit: number; readonly member: Member };

/** So that a group costs only what its own policies do, however many others there are. */
function rulesByPolicy(placed: readonly PlacedHook[]): Map<number, PlacedMember[]> {
  const byPolicy = new Map<number, PlacedMember[]>();
  for (const place of placed)
    for (const [bit, member] of place.members.entries())
      addTo(byPolicy, member.position, { place, bit, member });
  return byPolicy;
}

function addTo<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** Whether one of its selectors is for all workloads, or may be for those of the group. */
function mayConcern({ rule }: Member, group: number, input: GroupsInput): boolean {
  return rule.planned.selectors.some(({ filters }) =>
    filters.every(
      (filter) =>
        filter.on !== "workloads" || belonging(input, group, filter.workloads) !== "outside",
    ),
  );
}

export const belonging = ({ belongs }: GroupsInput, group: number, workloads: WorkloadSelector) =>
  belongs?.(group, workloads) ?? "outside";

function applicationFlagsOf(members: readonly Member[]): number {
  const all = (flag: number) => members.every(({ rule }) => rule.planned.flags & flag);
  const connections = all(ruleFlags.RULE_STREAM_SOCKETS);
  return (
    (members.some(doesEnforce) ? applicationFlags.APPLICATION_ENFORCES : 0) |
    (connections ? applicationFlags.APPLICATION_CONNECTIONS : 0) |
    (connections && all(ruleFlags.RULE_FAST_OPEN) ? applicationFlags.APPLICATION_FAST_OPEN : 0) |
    (all(ruleFlags.RULE_CORE_DUMPS) ? applicationFlags.APPLICATION_CORE_DUMPS : 0)
  );
}

/** Actions that prevent the call where the program decides. */
const preventing = actionRows
  .filter(({ on, endsCall }) => on === "call" || endsCall)
  .reduce((bits, row) => bits | actionBit(row), 0);

function doesEnforce({ rule, policy }: Member): boolean {
  const { selectors } = rule.planned;
  return (
    policy.mode !== "monitor" &&
    selectors.some(({ verdict }) => (verdict.actions & preventing) !== 0)
  );
}

/** Groups with the same rules at a hook have separate counts only if their bits differ. */
function addApplication(
  { applications }: Applied,
  known: Map<string, number>,
  { hook, firstRule, members, execTests: tests }: PlacedHook,
  bits: readonly number[],
): number {
  const key = `${hook}:${bits.join(",")}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const flags = applicationFlagsOf(bits.flatMap((bit) => members[bit] ?? []));
  const execTests = bits.flatMap((bit) => tests[bit] ?? []);
  const index = applications.push({ hook, firstRule, bits, flags, execTests }) - 1;
  known.set(key, index);
  return index;
}
