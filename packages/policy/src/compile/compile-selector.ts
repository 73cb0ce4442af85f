// SPDX-License-Identifier: Apache-2.0
import type { HookKind, SelectorSpec } from "@gander/crd-schemas";
import { hookKinds } from "@gander/crd-schemas";
import type { CompiledArg, CompiledFilter, CompiledSelector } from "../compiled-policy.ts";
import { limits } from "../limits.ts";
import type { LooseSelector } from "../loose.ts";
import type { Scope } from "../scope.ts";
import { compileActions } from "./compile-actions.ts";
import type { FilterContext } from "./compile-arg-filter.ts";
import { compileArgFilter, compileReturnFilter } from "./compile-arg-filter.ts";
import {
  compileBinaryFilter,
  compileCapabilityFilter,
  compileNamespaceFilter,
  compilePidFilter,
} from "./compile-process-filters.ts";
import { cutText } from "./cut-text.ts";
import { refuseFields } from "./unsupported.ts";

/** What selectors of a hook depend on. */
export type HookContext = FilterContext & {
  readonly kind: HookKind;
  readonly target: string;
  readonly syscall: boolean;
  /** The policy asks for the hook's return. */
  readonly onReturn: boolean;
  readonly returnArg: CompiledArg | undefined;
};

/** A selector with its macros put in: each field with the place it was written at. */
export type SelectorParts = {
  readonly scope: Scope;
  readonly fields: ReadonlyMap<
    keyof SelectorSpec,
    { readonly value: LooseSelector; readonly scope: Scope }
  >;
  /** Something in it was refused, so what it lacks says nothing. */
  readonly doubtful: boolean;
};

export function compileSelector(
  parts: SelectorParts,
  index: number,
  context: HookContext,
): CompiledSelector {
  const { scope } = parts;
  for (const { value, scope: place } of parts.fields.values())
    refuseFields(value, place, unsupportedFields);
  const filters = [
    ...each(parts, "matchPIDs", compilePidFilter),
    ...each(parts, "matchBinaries", compileBinaryFilter),
    ...each(parts, "matchNamespaces", compileNamespaceFilter),
    ...each(parts, "matchCapabilities", compileCapabilityFilter),
    ...each(parts, "matchArgs", (spec, place) => compileArgFilter(spec, place, context)),
  ];
  if (filters.length > limits.filters) {
    scope.error(
      "policy-out-of-bounds",
      `The selector has ${filters.length} filters; ${limits.filters} are possible`,
      "Put the values of several filters into one.",
    );
  }
  const returnFilters = each(parts, "matchReturnArgs", (spec, place) =>
    returnFilter(spec, place, context),
  );
  return {
    index,
    label: labelOf(parts),
    filters,
    returnFilters,
    actions: actionsOf(parts, "matchActions", context),
    returnActions: actionsOf(parts, "matchReturnActions", context),
  };
}

const unsupportedFields = {
  matchData: "Declare the value under args and use matchArgs.",
  matchParentBinaries:
    "Use matchBinaries with followChildren: true, which includes all descendants of a program.",
  matchNamespaceChanges:
    "Hook security_task_fix_setuid or the setns and unshare system calls, or use matchNamespaces with NotIn host_ns.",
  matchCapabilityChanges: "Use matchCapabilities.",
  matchWorkloads:
    "Write one policy for each workload, with podSelector and containerSelector in its spec.",
} as const;

type ListField =
  | "matchPIDs"
  | "matchBinaries"
  | "matchNamespaces"
  | "matchCapabilities"
  | "matchArgs"
  | "matchReturnArgs";

type Entry<K extends ListField> = NonNullable<SelectorSpec[K]>[number];

function each<K extends ListField>(
  { fields }: SelectorParts,
  field: K,
  compile: (spec: Entry<K>, scope: Scope) => CompiledFilter | undefined,
): readonly CompiledFilter[] {
  const part = fields.get(field);
  const specs = (part?.value[field] ?? []) as readonly (Entry<K> | undefined)[];
  const filters: CompiledFilter[] = [];
  for (const [i, spec] of specs.entries()) {
    const filter = spec && part && compile(spec, part.scope.at(field, i));
    if (filter) filters.push(filter);
  }
  return filters;
}

function returnFilter(
  spec: Entry<"matchReturnArgs">,
  scope: Scope,
  context: HookContext,
): CompiledFilter | undefined {
  if (context.onReturn)
    return context.returnArg && compileReturnFilter(spec, scope, context.returnArg);
  needsReturn(scope, "matchReturnArgs", context);
  return undefined;
}

function needsReturn(scope: Scope, field: string, { kind }: HookContext): void {
  const hint = hookKinds[kind].returns
    ? "Add `return: true` and `returnArg: { index: 0, type: int }` to the hook."
    : "It is for kprobes only; an lsm hook has its kprobe `security_…`.";
  scope.error(
    "policy-rule",
    `${field} needs the return value, which this hook does not report`,
    hint,
  );
}

function labelOf({ fields }: SelectorParts): string {
  const part = fields.get("label");
  return part ? cutText(part.value.label ?? "", limits.labelBytes, part.scope.at("label")) : "";
}

function actionsOf(
  { fields }: SelectorParts,
  field: "matchActions" | "matchReturnActions",
  context: HookContext,
): CompiledSelector["actions"] {
  const part = fields.get(field);
  const specs = part?.value[field] ?? [];
  if (!part || specs.length === 0) return [];
  const scope = part.scope.at(field);
  if (field === "matchActions") return compileActions(specs, scope, { ...context, side: "entry" });
  if (!context.onReturn) needsReturn(scope, field, context);
  return compileActions(specs, scope, { ...context, side: "return" });
}
