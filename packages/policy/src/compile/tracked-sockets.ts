// SPDX-License-Identifier: Apache-2.0
import { hookKindNames, hookKinds } from "@gander/crd-schemas";
import type { LooseSelector, LooseSpec } from "../loose.ts";
import type { Scope } from "../scope.ts";

/** Warns of sockets that are tracked for ever: the kernel uses the memory of a socket again, for one of another process. */
export function checkTrackedSockets(spec: LooseSpec, scope: Scope): void {
  const uses = [...usesIn(spec, scope)];
  const [first] = uses.filter(({ action }) => action === "TrackSock");
  // What was refused may have been the action.
  if (first === undefined || uses.some(({ action }) => action !== "TrackSock")) return;
  first.place.warning(
    "policy-action",
    "Sockets are tracked, and none is forgotten: no hook of the policy has UntrackSock",
    "Add it where sockets end: a kprobe on sk_destruct with `args: [{index: 0, type: sock}]` and `matchActions: [{action: UntrackSock}]`.",
  );
}

type Use = { readonly action: "TrackSock" | "UntrackSock" | undefined; readonly place: Scope };

function* usesIn(spec: LooseSpec, scope: Scope): Iterable<Use> {
  for (const section of hookKindNames.flatMap((kind) => [...hookKinds[kind].sections]))
    for (const [i, hook] of (spec[section] ?? []).entries()) {
      const place = scope.at(section, i);
      if (hook !== undefined && "returnArgAction" in hook)
        yield* useOf(hook.returnArgAction, place.at("returnArgAction"));
      for (const [j, selector] of (hook?.selectors ?? []).entries())
        yield* usesOfSelector(selector, place.at("selectors", j));
      if (hook === undefined) yield { action: undefined, place };
    }
  for (const [name, selector] of Object.entries(spec.selectorsMacros ?? {}))
    yield* usesOfSelector(selector, scope.at("selectorsMacros", name));
}

function* usesOfSelector(selector: LooseSelector | undefined, place: Scope): Iterable<Use> {
  for (const field of ["matchActions", "matchReturnActions"] as const)
    for (const [i, spec] of (selector?.[field] ?? []).entries()) {
      const at = place.at(field, i, "action");
      if (spec === undefined) yield { action: undefined, place: at };
      else yield* useOf(spec.action, at);
    }
}

function* useOf(action: string | undefined, place: Scope): Iterable<Use> {
  if (action === "TrackSock" || action === "UntrackSock") yield { action, place };
}
