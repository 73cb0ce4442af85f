// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import { fuseText, parseFuse, resolveSets, setsOfHooks, type ValueSet } from "@gander/policy";
import { decodePolicy, decodeSet } from "@gander/policy/content";
import type { NodePolicy, NodeVersion } from "../policy/node/node-policies.ts";
import type { StoredBundle } from "./bundle-file.ts";
import type { NodeState, PolicyHead, SetHead } from "./node-state.ts";

/** Why an announced policy isn't used. */
type RefusedPolicy = {
  readonly uid: string;
  readonly code:
    | ("bundle-policy-missing" | "bundle-policy-damaged" | "bundle-policy-newer")
    | ("bundle-set-missing" | "policy-bad-set");
  readonly message: string;
};

/** The policies and pods that the operator wants here, as far as this sensor can use them. Immutable. */
export type NodeBundle = {
  readonly state: NodeState;
  /** The part that can be put in force. */
  readonly version: NodeVersion;
  readonly refused: readonly RefusedPolicy[];
  /** By UID: the version used while a policy's newest version can't be put in force. */
  readonly standIns: ReadonlyMap<string, NodePolicy>;
};

export type BundleSources = {
  /** The bytes with this digest; undefined: they aren't here. */
  readonly content: (digest: string) => Uint8Array | undefined;
  /** Whether bytes received or stored under this digest don't match it. */
  readonly isDamaged: (digest: string) => boolean;
};

export const noBundle: Omit<NodeBundle, "state"> = {
  version: { policies: [], pods: [] },
  refused: [],
  standIns: new Map(),
};

/**
 * A policy that can't be used holds back no other: its version in `before`, if any, stays. Policies that are
 * the same as in `before` aren't decoded again.
 */
export function nodeBundle(
  state: NodeState,
  before: Pick<NodeBundle, "version" | "standIns">,
  sources: BundleSources,
): NodeBundle {
  const used = new Map(before.version.policies.map((policy) => [policy.uid, policy]));
  const policies: NodePolicy[] = [];
  const refused: RefusedPolicy[] = [];
  const standIns = new Map<string, NodePolicy>();
  for (const head of state.policies.values()) {
    const old = used.get(head.uid);
    // A version that couldn't be put in force is no good stand-in.
    const good = before.standIns.get(head.uid) ?? old;
    const isSame = old !== undefined && isPolicyOf(old, head);
    const made = isSame ? { value: old } : policyOf(head, sources);
    if (made.value === undefined) refused.push(refusalOf(head, made.problem, good));
    const use = made.value ?? good;
    if (use !== undefined) policies.push(use);
    // Kept until the newest is known to be in force.
    if (good !== undefined && good !== made.value) standIns.set(head.uid, good);
  }
  const usable = new Set(policies.map(({ uid }) => uid));
  const pods = [...state.pods.values()].map((pod) =>
    pod.policies.every((uid) => usable.has(uid))
      ? pod
      : { ...pod, policies: pod.policies.filter((uid) => usable.has(uid)) },
  );
  // Unknown versions of these, left by an earlier sensor, may be in force: better than nothing.
  const unreadable = refused.map(({ uid }) => uid).filter((uid) => !usable.has(uid));
  return { state, version: { policies, unreadable, pods }, refused, standIns };
}

/** The usable ones of these, by UID. */
export function usablePolicies(
  heads: Iterable<PolicyHead>,
  sources: BundleSources,
): ReadonlyMap<string, NodePolicy> {
  const usable = [...heads].flatMap((head) => policyOf(head, sources).value ?? []);
  return new Map(usable.map((policy) => [policy.uid, policy]));
}

/** UIDs of policies whose content isn't here. */
export function absentPolicies({ refused }: Pick<NodeBundle, "refused">): ReadonlySet<string> {
  const absent = refused.filter(
    ({ code }) => code === "bundle-policy-missing" || code === "bundle-policy-damaged",
  );
  return new Set(absent.map(({ uid }) => uid));
}

/** The form to be stored. */
export function storedForm(bundle: NodeBundle): Omit<StoredBundle, "node"> {
  const standIns = [...bundle.standIns].map(([uid, policy]) => [uid, headOf(policy)] as const);
  return { state: bundle.state, standIns: new Map(standIns), absent: absentPolicies(bundle) };
}

export function headOf({
  uid,
  generation,
  name,
  namespace,
  mode,
  compiled,
  madeOf,
}: NodePolicy): PolicyHead {
  const { digest, sets } = madeOf ?? { digest: compiled.digest };
  const { fuse, fuseRearmed } = compiled;
  return {
    ...{ uid, generation, name, namespace, mode, digest },
    ...(sets && { sets }),
    ...(fuse !== undefined && { fuse: fuseText(fuse) }),
    ...(fuseRearmed !== undefined && { fuseRearmed }),
  };
}

/** Of the same generation: only sets can differ. */
function refusalOf(
  { uid, generation }: PolicyHead,
  { code, message }: Omit<RefusedPolicy, "uid">,
  good: NodePolicy | undefined,
): RefusedPolicy {
  const stays = good?.generation === generation && good.madeOf !== undefined;
  return {
    ...{ uid, code },
    message: stays ? `${message}; it stays in force with the values that it had` : message,
  };
}

type Made =
  | { readonly value: NodePolicy; readonly problem?: never }
  | { readonly value?: never; readonly problem: Omit<RefusedPolicy, "uid"> };

function policyOf(head: PolicyHead, { content, isDamaged }: BundleSources): Made {
  const { uid, generation, name, namespace, digest, mode } = head;
  if (mode !== "" && mode !== "enforce" && mode !== "monitor")
    return { problem: newer(`it is to run in a mode this version does not know: "${mode}"`) };
  const bytes = content(digest);
  if (bytes === undefined) return { problem: isDamaged(digest) ? damaged : missing };
  const { value, problem } = decodePolicy(bytes, { name, namespace });
  if (value === undefined) return { problem: newer(problem) };
  const fuse = head.fuse === undefined ? undefined : parseFuse(head.fuse);
  if (fuse !== undefined && "wrong" in fuse)
    return { problem: newer(`it has a fuse this version does not know: "${head.fuse}"`) };
  const { fuseRearmed } = head;
  const compiled = {
    ...value,
    ...(fuse !== undefined && { fuse: fuse.ok }),
    ...(fuseRearmed !== undefined && { fuseRearmed }),
  };
  const policy = { uid, generation, name, namespace, mode, compiled } as const;
  return setsOfHooks(compiled.hooks).length === 0
    ? { value: policy }
    : withSets(policy, head.sets ?? [], { content, isDamaged });
}

/** The policy with the values of its sets. */
function withSets(
  policy: NodePolicy,
  sets: readonly SetHead[],
  { content, isDamaged }: BundleSources,
): Made {
  const found = new Map<string, Pick<ValueSet, "values">>();
  for (const { name, digest } of sets) {
    if (digest === "") return { problem: noSet(name) };
    const bytes = content(digest);
    if (bytes === undefined) return { problem: isDamaged(digest) ? damaged : missing };
    const set = decodeSet(bytes);
    if (set === undefined)
      return { problem: newer(`the set "${name}" is not written as this version writes it`) };
    found.set(name, set);
  }
  const resolved = resolveSets(policy.compiled, (name) => found.get(name));
  if (resolved.value !== undefined) {
    const madeOf = { digest: policy.compiled.digest, sets };
    return { value: { ...policy, compiled: resolved.value, madeOf } };
  }
  const [first] = resolved.problems;
  if (first === undefined || first.code === "policy-unknown-set")
    return { problem: noSet(first?.set ?? "") };
  const which = first.position === undefined ? "the values" : `value ${first.position + 1}`;
  const message = `it cannot have ${which} of the set "${first.set}" at ${first.path}: ${first.message}`;
  return { problem: { code: "policy-bad-set", message } };
}

const noSet = (name: string) =>
  ({ code: "bundle-set-missing", message: `there is no set "${name}"` }) as const;

const missing = {
  code: "bundle-policy-missing",
  message: "its content was not sent with the version and is not on this node",
} as const;

const damaged = {
  code: "bundle-policy-damaged",
  message: "its content does not have the digest it was announced by",
} as const;

const newer = (message: string) => ({ code: "bundle-policy-newer", message }) as const;

function isPolicyOf(policy: NodePolicy, wanted: PolicyHead): boolean {
  const { sets = [], ...own } = headOf(policy);
  const { sets: theirs = [], ...head } = wanted;
  return isDeepStrictEqual(own, head) && isDeepStrictEqual(sets, theirs);
}
