// SPDX-License-Identifier: Apache-2.0
import { explainPolicy } from "@gander/policy/explain";
import type { LibraryPolicy } from "@gander/policy-test/library";

/** What `-o json` has of a policy in a list. */
export const listedFacts = (policy: LibraryPolicy) => ({
  ...{ name: policy.name, pack: policy.pack, level: policy.level, severity: policy.severity },
  ...{ techniques: policy.techniques, stops: policy.stops },
  ...{ falsePositives: policy.falsePositives, eventsAnHour: policy.eventsAnHour },
});

/** Instructions that a hook adds to a call, computed as `gander policy explain` does. */
export type HookCost = {
  readonly hooks: string;
  /** At most, of a call that matches nothing. */
  readonly filtered: number;
  /** In processes that the policy is not for. */
  readonly elsewhere: number;
};

export function costsOf({ checked }: LibraryPolicy): readonly HookCost[] {
  return explainPolicy(checked.compiled, checked.named).hooks.map(({ hooks, cost }) => ({
    hooks,
    filtered: cost.filtered,
    elsewhere: cost.elsewhere,
  }));
}

/** All that is known of one policy. */
export const allFacts = (policy: LibraryPolicy) => ({
  ...listedFacts(policy),
  sets: policy.sets.map(({ name, values }) => ({ name, values })),
  exceptions: policy.exceptions,
  costs: costsOf(policy),
  cases: policy.cases.map(({ name, expect }) => ({ name, expect })),
});

/** What to do where a policy would hit work that is meant. */
export function exceptionText({ name, level }: LibraryPolicy): string {
  switch (level) {
    case "strict":
      return `It is for pods with the label guard.gander.dev/${name} (any value) and no others: leave the label away.`;
    case "guard":
      return `It is for all pods. Mode monitor shows what it would stop; what is meant gets a PolicyException.`;
    case "observe":
      return "It only reports, for all pods. A PolicyException silences what is meant.";
  }
}
