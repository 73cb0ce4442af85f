// SPDX-License-Identifier: Apache-2.0
import { actionsByName } from "@gander/crd-schemas";
import { filterFields, type HookContext, type SelectorParts } from "./compile-selector.ts";

/** Warns of valid but unlikely selectors: one without filters, and those after it. */
export function checkSelectors(
  selectors: readonly (SelectorParts | undefined)[],
  { target }: HookContext,
): void {
  let everything: number | undefined;
  for (const [i, selector] of selectors.entries()) {
    if (!selector) continue;
    if (everything !== undefined) {
      selector.scope.warning(
        "policy-unreachable",
        `This selector is never reached: selector ${everything} matches every call`,
        "Put it before that one, or remove one of the two.",
      );
      continue;
    }
    if (selector.doubtful || filterFields.some((field) => selector.fields.has(field))) continue;
    everything = i;
    const actions = selector.fields.get("matchActions")?.value.matchActions ?? [];
    const enforces = actions.some(
      (action) => action && actionsByName.get(action.action)?.enforces !== undefined,
    );
    if (i > 0 && enforces) {
      const before = selectors[i - 1];
      const split =
        before && !before.fields.has("matchActions")
          ? " The filters of the selector before it were probably meant to go with these actions."
          : "";
      selector.scope.warning(
        "policy-empty-selector",
        "This selector has no filter, so its actions are done on every call that comes to it",
        `A dash begins a new selector: remove the one in front of matchActions.${split}`,
      );
    } else if (enforces) {
      selector.scope.warning(
        "policy-empty-selector",
        `This selector has no filter, so its actions are done on every call${target === "" ? "" : ` of ${target}`}`,
        "Add a filter, or a podSelector for the whole policy, if that is not meant.",
      );
    } else if (i > 0 && actions.length === 0) {
      selector.scope.warning(
        "policy-empty-selector",
        "This selector has no filter, so it posts every call that comes to it",
        "A dash begins a new selector: remove it, or the whole selector.",
      );
    }
  }
}
