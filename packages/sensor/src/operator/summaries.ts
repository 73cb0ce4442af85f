// SPDX-License-Identifier: Apache-2.0
import { exceptionText } from "@gander/policy";
import { type PolicyCounts, policyCountFields, type Summary } from "@gander/proto/stream";
import type { NodeCounts, NodePolicyCounts } from "../policy/node/node-policies.ts";

/** This many policies and exceptions of policies fit into one message, with room to spare. */
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
      const { exceptions = [] } = one;
      const excepted = exceptions.map((each) => `${exceptionText(each)} ${each.hits}`);
      const key = [...policyCountFields.map((field) => one[field]), ...excepted].join(" ");
      if (this.#told.get(one.uid) === key) return false;
      this.#told.set(one.uid, key);
      return true;
    });
    this.#forget(policies);
    if (changed.length === 0 && !isFirst) return [];
    const parts = inParts(changed).map((part) => part.map(countsOf));
    return parts.map((part) => ({ counting_since: String(since), policies: part }));
  }

  #forget(policies: readonly NodePolicyCounts[]): void {
    if (this.#told.size === policies.length) return;
    const there = new Set(policies.map(({ uid }) => uid));
    for (const uid of this.#told.keys()) if (!there.has(uid)) this.#told.delete(uid);
  }
}

/** At least one part. */
function inParts(all: readonly NodePolicyCounts[]): readonly (readonly NodePolicyCounts[])[] {
  let part: NodePolicyCounts[] = [];
  const parts = [part];
  let size = 0;
  for (const one of all) {
    const ownSize = 1 + (one.exceptions?.length ?? 0);
    if (part.length > 0 && size + ownSize > inOneMessage) {
      part = [];
      parts.push(part);
      size = 0;
    }
    part.push(one);
    size += ownSize;
  }
  return parts;
}

function countsOf(one: NodePolicyCounts): PolicyCounts {
  const counts = policyCountFields.map((field) => [field, String(one[field])] as const);
  const exceptions = (one.exceptions ?? []).map((exception) => ({
    exception: exceptionText(exception),
    hits: String(exception.hits),
  }));
  return {
    uid: one.uid,
    ...Object.fromEntries(counts),
    ...(exceptions.length > 0 && { exceptions }),
  };
}
