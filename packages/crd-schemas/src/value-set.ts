// SPDX-License-Identifier: Apache-2.0
import { languageLimits } from "./language-limits.ts";
import { list, object, required, text } from "./schema.ts";

export const valueSetKind = "ValueSet";

/** Of the values of a filter: this and the name of a set stand for the values of the set. */
export const setPrefix = "set:";

export const valueSetSpec = object("ValueSetSpec", "Values with a name.", {
  values: required(
    list(
      "What a filter may be compared with: paths, networks, numbers. Their meaning is that of the filter.",
      text("Value.", { maxLength: languageLimits.setValueLength }),
      { maxItems: languageLimits.setValues, admission: { minItems: 1 } },
    ),
  ),
});
