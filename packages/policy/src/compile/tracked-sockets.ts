// SPDX-License-Identifier: Apache-2.0
import type { LooseSpec } from "../loose.ts";
import type { Scope } from "../scope.ts";
import { actionsOfSpec, sectionsOfHooks } from "./selectors-of-spec.ts";

/** Warns of sockets that are tracked for ever: the kernel uses the memory of a socket again, for one of another process. */
export function checkTrackedSockets(spec: LooseSpec, scope: Scope): void {
  const uses = [...usesIn(spec, scope)];
  const [first] = uses.filter(({ name }) => name === "TrackSock");
  // What was refused may have been UntrackSock.
  if (first === undefined || uses.some(({ name }) => name === "UntrackSock" || name === undefined))
    return;
  first.place.warning(
    "policy-action",
    "Sockets are tracked, and none is forgotten: no hook of the policy has UntrackSock",
    "Add it where sockets end: a kprobe on sk_destruct with `args: [{index: 0, type: sock}]` and `matchActions: [{action: UntrackSock}]`.",
  );
}

function* usesIn(spec: LooseSpec, scope: Scope) {
  for (const section of sectionsOfHooks)
    for (const [i, hook] of (spec[section] ?? []).entries()) {
      const place = scope.at(section, i);
      if (hook === undefined) yield { name: undefined, place };
      else if ("returnArgAction" in hook)
        yield { name: hook.returnArgAction ?? "", place: place.at("returnArgAction") };
    }
  for (const { action, place } of actionsOfSpec(spec, scope))
    yield { name: action?.action, place: place.at("action") };
}
