// SPDX-License-Identifier: Apache-2.0
import { decodePolicy } from "@gander/policy/content";
import type { NodePolicy, NodeVersion } from "../policy/node/node-policies.ts";
import type { StoredBundle } from "./bundle-file.ts";
import type { NodeState, PolicyHead } from "./node-state.ts";

/** Why an announced policy isn't used. */
type RefusedPolicy = {
  readonly uid: string;
  readonly code: "bundle-policy-missing" | "bundle-policy-damaged" | "bundle-policy-newer";
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
    if (made.value === undefined) refused.push({ uid: head.uid, ...made.problem });
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
  const absent = refused.filter(({ code }) => code !== "bundle-policy-newer");
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
}: NodePolicy): PolicyHead {
  return { uid, generation, name, namespace, mode, digest: compiled.digest };
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
  const { value: compiled, problem } = decodePolicy(bytes, { name, namespace });
  if (compiled === undefined) return { problem: newer(problem) };
  return { value: { uid, generation, name, namespace, mode, compiled } };
}

const missing = {
  code: "bundle-policy-missing",
  message: "its content was not sent with the version and is not on this node",
} as const;

const damaged = {
  code: "bundle-policy-damaged",
  message: "its content does not have the digest it was announced by",
} as const;

const newer = (message: string) => ({ code: "bundle-policy-newer", message }) as const;

function isPolicyOf(policy: NodePolicy, head: PolicyHead): boolean {
  const own = headOf(policy);
  return (Object.keys(own) as (keyof PolicyHead)[]).every((key) => own[key] === head[key]);
}
