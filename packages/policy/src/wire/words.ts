// SPDX-License-Identifier: Apache-2.0

import type { HookKind } from "@gander/crd-schemas";
import { type ArgType, argTypeRows } from "@gander/crd-schemas";
import type {
  ArgTest,
  CompiledAction,
  CompiledFilter,
  CompiledPolicy,
  LabelSelector,
  NamespaceName,
} from "../compiled-policy.ts";

type FilterOn<K extends CompiledFilter["on"]> = Extract<CompiledFilter, { readonly on: K }>;
type RateLimit = NonNullable<Extract<CompiledAction, { readonly action: "post" }>["rateLimit"]>;

/** Every word must be there: `true` for each member of the type, so that a new one isn't forgotten. */
const all = <T extends string>(table: Readonly<Record<T, true>>): ReadonlySet<T> =>
  new Set(Object.keys(table) as T[]);

/** Words of the policy language that a compiled policy may hold, by where they stand. */
export const words = {
  mode: all<CompiledPolicy["mode"]>({ enforce: true, monitor: true, "monitor-only": true }),
  hookKind: all<HookKind>({ kprobe: true, tracepoint: true, lsm: true }),
  argType: new Set<ArgType>(argTypeRows.map(({ type }) => type)),
  argOp: all<ArgTest["op"]>({
    equal: true,
    greater: true,
    less: true,
    mask: true,
    "in-set": true,
    range: true,
    "str-equal": true,
    "str-prefix": true,
    "str-postfix": true,
    saddr: true,
    daddr: true,
    sport: true,
    dport: true,
    protocol: true,
    family: true,
    state: true,
  }),
  binaryMatch: all<FilterOn<"binary">["match"]>({
    equal: true,
    prefix: true,
    postfix: true,
    file: true,
  }),
  namespace: all<NamespaceName>({
    uts: true,
    ipc: true,
    mnt: true,
    pid: true,
    pid_for_children: true,
    net: true,
    time: true,
    time_for_children: true,
    cgroup: true,
    user: true,
  }),
  capabilitySet: all<FilterOn<"capability">["set"]>({
    effective: true,
    inheritable: true,
    permitted: true,
  }),
  rateScope: all<RateLimit["scope"]>({ thread: true, process: true, global: true }),
  labelOperator: all<LabelSelector["matchExpressions"][number]["operator"]>({
    In: true,
    NotIn: true,
    Exists: true,
    DoesNotExist: true,
  }),
};

/** Throws if it is none of them: an older reader meets a newer writer. */
export function word<T extends string>(known: ReadonlySet<T>, text: string | undefined): T {
  if (text !== undefined && known.has(text as T)) return text as T;
  throw new Error(`it holds a word this version does not know: ${JSON.stringify(text ?? "")}`);
}
