// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import type { SelectorSpec } from "@gander/crd-schemas";
import type { LooseSelector } from "../loose.ts";
import type { Scope } from "../scope.ts";
import type { SelectorParts } from "./compile-selector.ts";

export type Macros = {
  readonly selectors: Readonly<Record<string, LooseSelector | undefined>>;
  readonly scope: Scope;
  /** Their section was not refused. */
  readonly areKnown: boolean;
};

/** Adds the fields of a selector's macros to its own. Only one of them may set a field. */
export function expandMacros(selector: LooseSelector, scope: Scope, macros: Macros): SelectorParts {
  const fields = new Map<keyof SelectorSpec, { value: LooseSelector; scope: Scope }>();
  addFields(selector, scope);
  for (const [i, name] of (selector.macros ?? []).entries()) {
    if (name === undefined) continue;
    const place = scope.at("macros", i);
    const macro = Object.hasOwn(macros.selectors, name) ? macros.selectors[name] : undefined;
    if (macro === undefined) {
      if (macros.areKnown && !Object.hasOwn(macros.selectors, name))
        place.error("policy-macro", `There is no macro "${name}"`, unknownHint(name, macros));
      continue;
    }
    if (macro.macros !== undefined)
      macros.scope
        .at(name, "macros")
        .onKey.error("policy-macro", "A macro cannot use macros", "Write the fields out here.");
    for (const field of addFields(macro, macros.scope.at(name))) {
      place.error(
        "policy-macro",
        `The macro "${name}" sets ${field}, which is set already`,
        "Set it in one place only.",
      );
    }
  }
  const doubtful =
    Object.values(selector).includes(undefined) || (selector.macros ?? []).length > 0;
  return { scope, fields, doubtful };

  /** Returns the fields that were already set. */
  function addFields(from: LooseSelector, place: Scope): readonly string[] {
    const twice: string[] = [];
    for (const field of Object.keys(from) as (keyof SelectorSpec)[]) {
      if (field === "macros" || from[field] === undefined) continue;
      if (fields.has(field)) twice.push(field);
      else fields.set(field, { value: from, scope: place });
    }
    return twice;
  }
}

function unknownHint(name: string, macros: Macros): string {
  const names = Object.keys(macros.selectors);
  if (names.length === 0) return "Define it in spec.selectorsMacros.";
  const near = nearestName(name, names);
  return near === undefined
    ? `Defined in spec.selectorsMacros: ${names.join(", ")}.`
    : `Did you mean "${near}"?`;
}
