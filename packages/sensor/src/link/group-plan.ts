// SPDX-License-Identifier: Apache-2.0
import { limits } from "./abi.gen.ts";

/**
 * The content of each group of cgroups, sorted: the operator's policies by UID, and workloads of selectors
 * (policy/group-content.ts). Group 0 is not included.
 */
export type Groups = ReadonlyMap<number, readonly string[]>;

export type GroupPlanInput = {
  /** The groups now: the active side's content for each number. */
  readonly groups: Groups;
  /** Where the kernel lists each cgroup now; unlisted ones are in group 0. */
  readonly placed: ReadonlyMap<bigint, number>;
  /** The policies each known cgroup must have. */
  readonly wanted: ReadonlyMap<bigint, readonly string[]>;
  /** By UID of a removed policy: the policy of the same name that replaces it. */
  readonly successors?: ReadonlyMap<string, string>;
  /** Entries that also go to cgroups which only the kernel knows: for them, the safe side. */
  readonly unsure?: readonly string[];
  /** Contents that future cgroups will need; planned if there is room. */
  readonly expected?: Iterable<readonly string[]>;
  readonly maxGroups?: number;
};

/**
 * How cgroups get their policies, all at the moment in which the side of the tables is switched. The fields
 * are in the order of the steps.
 */
export type GroupPlan = {
  /** Unused numbers get the content of others in the active side. */
  readonly aliases: readonly { readonly from: number; readonly to: number }[];
  /** Moves that change nothing yet, or into a group with the final content. */
  readonly before: ReadonlyMap<bigint, number>;
  /** The content of the new side. */
  readonly groups: Groups;
  /** Moves between groups with the same content. */
  readonly after: ReadonlyMap<bigint, number>;
  /** The final number of each content, by `contentKey`. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Cgroups for which no number is left: they keep their policies. */
  readonly refused: ReadonlySet<bigint>;
};

/**
 * A policy that a cgroup has and must keep is never missing, and one that it neither has nor must have never
 * applies to it. A number's content changes only if all cgroups of the number change alike; so this also
 * holds for a cgroup that the kernel lists meanwhile.
 */
export function planGroups(input: GroupPlanInput): GroupPlan {
  const { isFull, ...plan } = planWith(input, input.unsure ?? []);
  // Cgroups that can't be moved away in time would share what is meant for unknown ones.
  return isFull && input.unsure?.length ? planGroups({ ...input, unsure: [] }) : plan;
}

type OpenPlan = GroupPlan & {
  /** There were too few numbers to move every cgroup before the switch. */
  readonly isFull: boolean;
};

function planWith(input: GroupPlanInput, unsure: readonly string[]): OpenPlan {
  const { groups, placed, wanted, expected = [], successors = new Map() } = input;
  const { maxGroups = limits.MAX_GROUPS } = input;
  const buckets = bucketsOf(wanted, placed);
  const next = new Map<number, readonly string[]>();
  /** By content: the number that all its cgroups have in the end. */
  const homes = new Map<string, number>();
  const staying = new Set<string>();
  const keyOfNumber = (number: number) => contentKey(groups.get(number));

  // Cgroups that only the kernel knows stay where they are and keep their policies, by name.
  const successorOf = (entry: string): string => successors.get(entry) ?? entry;
  const carriedOver = (content: readonly string[]) =>
    [...new Set([...content.map(successorOf), ...unsure])].sort();
  for (const number of placed.values())
    if (number !== 0) next.set(number, carriedOver(groups.get(number) ?? []));
  for (const number of next.keys()) {
    const key = keyOfNumber(number);
    const stays = contentKey(next.get(number)) === key;
    if (key !== undefined && stays && (buckets.get(number)?.has(key) ?? false)) {
      staying.add(key);
      homes.set(key, homes.get(key) ?? number);
    }
  }
  for (const [number, contents] of buckets) {
    const [only] = contents.values();
    if (number === 0 || contents.size > 1 || only === undefined || staying.has(only.key)) continue;
    next.set(number, only.uids);
    homes.set(only.key, homes.get(only.key) ?? number);
  }
  const foreseen = new Map([...expected].map((uids) => [contentKey(uids) ?? "", uids]));
  for (const [number, uids] of groups) {
    const key = contentKey(uids) ?? "";
    if (next.has(number) || homes.has(key) || !foreseen.has(key)) continue;
    next.set(number, uids);
    homes.set(key, number);
    staying.add(key);
  }
  return moveBuckets({ buckets, next, homes, staying, foreseen, maxGroups });
}

type Bucket = {
  readonly from: number;
  readonly key: string;
  readonly uids: readonly string[];
  readonly cgroups: bigint[];
};
/** By number, then by wanted content. */
type Buckets = ReadonlyMap<number, ReadonlyMap<string, Bucket>>;

function bucketsOf(wanted: GroupPlanInput["wanted"], placed: GroupPlanInput["placed"]): Buckets {
  const buckets = new Map<number, Map<string, Bucket>>();
  for (const [cgroup, uids] of wanted) {
    const from = placed.get(cgroup) ?? 0;
    const key = contentKey(uids) ?? "";
    const ofNumber = buckets.get(from) ?? new Map<string, Bucket>();
    const bucket = ofNumber.get(key) ?? { from, key, uids, cgroups: [] };
    bucket.cgroups.push(cgroup);
    buckets.set(from, ofNumber.set(key, bucket));
  }
  return buckets;
}

type Open = {
  readonly buckets: Buckets;
  readonly next: Map<number, readonly string[]>;
  readonly homes: Map<string, number>;
  readonly staying: ReadonlySet<string>;
  readonly foreseen: ReadonlyMap<string, readonly string[]>;
  readonly maxGroups: number;
};

function moveBuckets({ buckets, next, homes, staying, foreseen, maxGroups }: Open): OpenPlan {
  const aliases: { from: number; to: number }[] = [];
  const before = new Map<bigint, number>();
  const after = new Map<bigint, number>();
  const refused = new Set<bigint>();
  const moveAll = ({ cgroups }: Bucket, to: number, moves: Map<bigint, number>) => {
    for (const cgroup of cgroups) moves.set(cgroup, to);
  };
  const late: Bucket[] = [];
  let fresh = 1;
  for (const bucket of inOrder(buckets)) {
    const { from, key, uids } = bucket;
    const home = homes.get(key);
    const isThere = from !== 0 && contentKey(next.get(from)) === key;
    if (isThere) {
      if (home === undefined) homes.set(key, from);
      else if (home !== from) moveAll(bucket, home, after);
      continue;
    }
    if (home !== undefined && staying.has(key)) {
      moveAll(bucket, home, before);
      continue;
    }
    while (next.has(fresh)) fresh++;
    if (fresh >= maxGroups) {
      late.push(bucket);
      continue;
    }
    next.set(fresh, uids);
    aliases.push({ from, to: fresh });
    moveAll(bucket, fresh, before);
    if (home === undefined) homes.set(key, fresh);
    else moveAll(bucket, home, after);
  }
  for (const bucket of late) {
    // Without a number in between, they move once the new side is active.
    const home = homes.get(bucket.key);
    if (home !== undefined) moveAll(bucket, home, after);
    else refuse(bucket);
  }
  for (const [key, uids] of foreseen) {
    while (next.has(fresh)) fresh++;
    if (homes.has(key) || fresh >= maxGroups) continue;
    next.set(fresh, uids);
    homes.set(key, fresh);
  }
  const isFull = late.length > 0;
  return { aliases, before, groups: next, after, numbers: homes, refused, isFull };

  function refuse(bucket: Bucket): void {
    for (const cgroup of bucket.cgroups) refused.add(cgroup);
    // Policies of the host do not apply to pods.
    const nothing = homes.get("");
    if (bucket.from === 0 && nothing !== undefined) moveAll(bucket, nothing, after);
  }
}

/** Cgroups without policies come first: their group is the fallback for those without another. */
function inOrder(buckets: Buckets): Bucket[] {
  const all = [...buckets.values()].flatMap((contents) => [...contents.values()]);
  return all.sort((a, b) => Number(a.key !== "") - Number(b.key !== ""));
}

export function contentKey(uids: readonly string[] | undefined): string | undefined {
  return uids?.join(",");
}
