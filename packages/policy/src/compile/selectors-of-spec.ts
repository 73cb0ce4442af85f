// SPDX-License-Identifier: Apache-2.0
import { hookKindNames, hookKinds } from "@gander/crd-schemas";
import { type LooseSelector, type LooseSpec, wasRefused } from "../loose.ts";
import type { Scope } from "../scope.ts";

export const sectionsOfHooks = hookKindNames.flatMap((kind) => [...hookKinds[kind].sections]);

/** A selector as written, and where. Undefined: it was refused. */
type WrittenSelector = { readonly selector: LooseSelector | undefined; readonly place: Scope };

/** The selectors of all hooks, and the macros that they use. */
export function* selectorsOfSpec(spec: LooseSpec, scope: Scope): Iterable<WrittenSelector> {
  const macros = new Set<string | undefined>();
  for (const section of sectionsOfHooks) {
    if (wasRefused(spec, section)) yield { selector: undefined, place: scope.at(section) };
    for (const [i, hook] of (spec[section] ?? []).entries()) {
      if (hook === undefined || wasRefused(hook, "selectors"))
        yield { selector: undefined, place: scope.at(section, i) };
      for (const [j, selector] of (hook?.selectors ?? []).entries()) {
        for (const name of selector?.macros ?? []) macros.add(name);
        yield { selector, place: scope.at(section, i, "selectors", j) };
      }
    }
  }
  if (wasRefused(spec, "selectorsMacros"))
    yield { selector: undefined, place: scope.at("selectorsMacros") };
  for (const [name, selector] of Object.entries(spec.selectorsMacros ?? {}))
    if (macros.has(name)) yield { selector, place: scope.at("selectorsMacros", name) };
}

type Action = NonNullable<NonNullable<LooseSelector["matchActions"]>[number]>;

/** Their actions. Undefined: it was refused. */
export function* actionsOfSpec(
  spec: LooseSpec,
  scope: Scope,
): Iterable<{ readonly action: Action | undefined; readonly place: Scope }> {
  for (const { selector, place } of selectorsOfSpec(spec, scope))
    for (const field of ["matchActions", "matchReturnActions"] as const)
      if (selector === undefined || wasRefused(selector, field))
        yield { action: undefined, place: place.at(field) };
      else
        for (const [i, action] of (selector[field] ?? []).entries())
          yield { action, place: place.at(field, i) };
}
