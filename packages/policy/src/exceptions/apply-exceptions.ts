// SPDX-License-Identifier: Apache-2.0
import type { ArgTypeRow } from "@gander/crd-schemas";
import { typeRow } from "@gander/crd-schemas";
import type {
  CompiledFilter,
  CompiledHook,
  CompiledPolicy,
  CompiledSelector,
  WorkloadSelector,
} from "../compiled-policy.ts";
import { encodePolicy } from "../content/encode-policy.ts";
import { namespaceLabel } from "../label-selection.ts";
import { limits } from "../limits.ts";
import { type CompiledException, exceptionText } from "./policy-exception.ts";

/** What an exception does to a policy that it names. */
export type ExceptionUse = {
  readonly exception: CompiledException;
  readonly state: "applies" | "partly" | "not-applicable";
  /** Where it does not apply, and why; empty: it applies at each hook entry. */
  readonly message: string;
};

/** cluster: the node knows which pod a process belongs to; host: it does not. */
export type ExceptionPlace = "cluster" | "host";

/**
 * The policy with the selectors of these exceptions before its own, in each hook entry where all that they test is
 * known for certain; the first selector that matches decides. Its digest is that of the result. The same policy if
 * there are none. Pure.
 */
export function applyExceptions(
  policy: CompiledPolicy,
  exceptions: readonly CompiledException[],
  place: ExceptionPlace,
): { readonly policy: CompiledPolicy; readonly uses: readonly ExceptionUse[] } {
  const sorted = [...exceptions].sort((a, b) => (exceptionText(a) < exceptionText(b) ? -1 : 1));
  const used = sorted.slice(0, limits.exceptions);
  const additions = policy.hooks.map((hook) => additionsTo(hook, used, { policy, place }));
  const uses = used.map((exception, i) => useOf(exception, policy.hooks, additions, i));
  const excess = sorted.slice(limits.exceptions).map((exception) => ({
    exception,
    state: "not-applicable" as const,
    message: `the policy has ${limits.exceptions} exceptions before it, which is as many as are possible`,
  }));
  const all = [...uses, ...excess];
  if (uses.every(({ state }) => state === "not-applicable")) return { policy, uses: all };
  const hooks = policy.hooks.map((hook, i) => withSelectors(hook, additions[i] ?? []));
  const { name, namespace, digest: _, ...content } = policy;
  const whole = { ...content, hooks };
  return { policy: { name, namespace, digest: encodePolicy(whole).digest, ...whole }, uses: all };
}

/** The filters of an exception's selectors for a hook entry, or why it has none. */
type Addition = { readonly filters: readonly Filters[] } | { readonly why: string };
type Filters = readonly CompiledFilter[];
type Context = { readonly policy: CompiledPolicy; readonly place: ExceptionPlace };

function additionsTo(
  hook: CompiledHook,
  exceptions: readonly CompiledException[],
  context: Context,
): readonly (Addition & { readonly exception: CompiledException })[] {
  let room = limits.selectors - hook.selectors.length;
  return exceptions.map((exception) => {
    const addition = additionTo(hook, exception, context);
    if ("why" in addition) return { ...addition, exception };
    if (addition.filters.length > room)
      return { exception, why: `it would have more than ${limits.selectors} selectors` };
    room -= addition.filters.length;
    return { ...addition, exception };
  });
}

function additionTo(
  hook: CompiledHook,
  exception: CompiledException,
  { policy, place }: Context,
): Addition {
  const { binaries } = exception;
  const workloads = workloadsOf(exception, policy);
  if (hook.kind === "loader") return { why: "it only reports files, and does nothing about them" };
  if (workloads !== undefined && place === "host")
    return { why: "only an operator knows the workloads, and there is none" };
  if (binaries.some(({ match }) => match === "file") && isForPods(policy))
    return { why: "`identity: file` names files of the node, and the policy is for pods" };
  const files = filesOf(hook, exception);
  if ("why" in files) return files;
  const common: Filters = [
    ...(workloads ? [{ on: "workloads" as const, workloads }] : []),
    ...files.filters,
  ];
  const alternatives = binaries.length === 0 ? [[]] : binaries.map((binary) => [binary]);
  return { filters: alternatives.map((own) => [...own, ...common]) };
}

/** Absent: the policy applies to no others anyway, or the exception is for all. */
function workloadsOf(
  { namespace, workloads }: CompiledException,
  policy: CompiledPolicy,
): WorkloadSelector | undefined {
  if (namespace === "" || policy.namespace === namespace) return workloads;
  const { podSelector, containerSelector } = workloads ?? {};
  return {
    podSelector: inNamespaces(podSelector, [namespace]),
    ...(containerSelector && { containerSelector }),
    host: false,
  };
}

/** The pods of these namespaces that the selector chooses. */
export function inNamespaces(
  selector: WorkloadSelector["podSelector"],
  namespaces: readonly string[],
): NonNullable<WorkloadSelector["podSelector"]> {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  const values = [...new Set(namespaces)].sort();
  return {
    matchLabels,
    matchExpressions: [...matchExpressions, { key: namespaceLabel, operator: "In", values }],
  };
}

const isForPods = ({ namespace, workloads }: CompiledPolicy) =>
  namespace !== "" || (workloads?.podSelector ?? workloads?.containerSelector) !== undefined;

/** Types whose value is the path of the very file that the kernel works with. */
const certainTypes: readonly string[] = ["file", "path", "linux_binprm", "kiocb"];

/**
 * A call may be about several files, as a rename is: each must be excepted. A text that the program passes is no file,
 * because it can still change; nor does a path inside a file system tell which one it is in.
 */
function filesOf(
  { args }: CompiledHook,
  { paths }: CompiledException,
): { readonly filters: Filters } | { readonly why: string } {
  if (paths.length === 0) return { filters: [] };
  const ofCall = [...args.entries()].filter(([, { source }]) => source === undefined);
  const files = ofCall.filter(([, { type }]) => certainTypes.includes(type));
  const unsure = ofCall.find(([, { type }]) => isUncertainFile(type));
  if (unsure !== undefined) {
    const [, { index, type }] = unsure;
    return type === "auto"
      ? { why: `the type of argument ${index} is left to the kernel; write it` }
      : { why: `argument ${index} of type ${type} does not say for certain which file it is` };
  }
  if (files.length === 0)
    return { why: `it has no argument of type ${certainTypes.slice(0, -1).join(", ")} or kiocb` };
  if (paths.length ** files.length > limits.alternatives)
    return { why: "it has too many file arguments for so many entries in paths" };
  return {
    filters: files.map(([arg]) => {
      const each = paths.map((test) => ({ on: "arg" as const, arg, test }));
      const [only] = each;
      return only && each.length === 1 ? only : { on: "any", of: each.map((one) => [one]) };
    }),
  };
}

function isUncertainFile(type: ArgTypeRow["type"] | "auto"): boolean {
  if (type === "auto") return true;
  return typeRow(type).family === "path" && !certainTypes.includes(type);
}

function withSelectors(
  hook: CompiledHook,
  additions: readonly (Addition & { readonly exception: CompiledException })[],
): CompiledHook {
  // What is excepted here is not to be stopped by what another hook has decided.
  const takesBack = hook.selectors
    .flatMap(({ actions }) => actions)
    .find(({ action }) => action === "cleanup-enforcer-notification");
  const added = additions.flatMap((addition) => {
    if ("why" in addition) return [];
    const { name, namespace, expires } = addition.exception;
    return addition.filters.map(
      (filters): Omit<CompiledSelector, "index"> => ({
        label: `exception ${exceptionText({ name, namespace })}`.slice(0, limits.labelBytes),
        exception: { name, namespace, ...(expires !== undefined && { expires }) },
        filters,
        returnFilters: [],
        actions: [{ action: "no-post" }, ...(takesBack ? [takesBack] : [])],
        returnActions: [],
      }),
    );
  });
  if (added.length === 0) return hook;
  const first = hook.selectors.length;
  const selectors = added.map((selector, i) => ({ index: first + i, ...selector }));
  return { ...hook, selectors: [...selectors, ...hook.selectors] };
}

function useOf(
  exception: CompiledException,
  hooks: readonly CompiledHook[],
  additions: readonly (readonly Addition[])[],
  position: number,
): ExceptionUse {
  const missing = hooks.flatMap(({ path }, i) => {
    const addition = additions[i]?.[position];
    return addition !== undefined && "why" in addition ? [{ path, why: addition.why }] : [];
  });
  if (missing.length === 0) return { exception, state: "applies", message: "" };
  const byReason = Map.groupBy(missing, ({ why }) => why);
  const texts = [...byReason].map(
    ([why, of]) => `${placesText(of.map(({ path }) => path))}: ${why}`,
  );
  const state = missing.length === hooks.length ? "not-applicable" : "partly";
  return { exception, state, message: texts.join("; ") };
}

/** Few by name: a policy may have hundreds. */
function placesText(paths: readonly string[]): string {
  const more = paths.length - 3;
  return [...paths.slice(0, 3), ...(more > 0 ? [`${more} more`] : [])].join(", ");
}
