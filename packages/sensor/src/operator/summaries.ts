// SPDX-License-Identifier: Apache-2.0
import { type PolicyCounts, policyCountFields, type Summary } from "@gander/proto/stream";
import type { NodeCounts, NodePolicyCounts } from "../policy/node/node-policies.ts";

/** This many fit into one message, with room to spare. */
const inOneMessage = 1_000;

/** Of one stream: the counts reported, so that only changes are sent again. */
export class Summaries {
  #since: number | undefined;
  readonly #told = new Map<string, string>();

  /** All policies at first, then those whose counts changed; nothing if none did. */
  next({ since, policies }: NodeCounts): readonly Summary[] {
    const isFirst = this.#since !== since;
    if (isFirst) this.#told.clear();
    this.#since = since;
    const changed = policies.filter((one) => {
      const key = policyCountFields.map((field) => one[field]).join(" ");
      if (this.#told.get(one.uid) === key) return false;
      this.#told.set(one.uid, key);
      return true;
    });
    this.#forget(policies);
    if (changed.length === 0 && !isFirst) return [];
    const parts: Summary[] = [];
    for (let at = 0; at < Math.max(1, changed.length); at += inOneMessage) {
      const part = changed.slice(at, at + inOneMessage);
      parts.push({ counting_since: String(since), policies: part.map(countsOf) });
    }
    return parts;
  }

  #forget(policies: readonly NodePolicyCounts[]): void {
    if (this.#told.size === policies.length) return;
    const there = new Set(policies.map(({ uid }) => uid));
    for (const uid of this.#told.keys()) if (!there.has(uid)) this.#told.delete(uid);
  }
}

function countsOf(one: NodePolicyCounts): PolicyCounts {
  const counts = policyCountFields.map((field) => [field, String(one[field])] as const);
  return { uid: one.uid, ...Object.fromEntries(counts) };
}
