// SPDX-License-Identifier: Apache-2.0

import { linearRegex } from "@gander/base/linear-regex";
import { CapabilitiesType, EventType, type Filter } from "@gander/proto";
import { compileCel, maxSteps } from "../cel/cel-expression.ts";
import { plainMessage } from "../events/plain-line.ts";
import type { SensorEvent } from "../events/sensor-event.ts";
import type { ProcessEntry } from "../process/process-entry.ts";
import { labelSelector } from "./label-selector.ts";

/** hot: whether an event is wanted (bench/event-encoding). */
export type EventFilter = (event: SensorEvent) => boolean;

export type FilterOptions = {
  /** Whether processes have their capabilities: without them, a filter on capabilities could never match. */
  readonly withCredentials: boolean;
};

/** A problem in a list of filters, and where: `[1].binary_regex[0]`. */
export type FilterProblem = { readonly path: string; readonly message: string };

type FilterLists = { readonly allow: readonly Filter[]; readonly deny: readonly Filter[] };

type CompiledFilters =
  | { readonly value: EventFilter; readonly problems?: never }
  | { readonly value?: never; readonly problems: readonly FilterProblem[] };

/**
 * Compiles lists of filters into one function: an event is wanted if a filter of `allow` matches (or there is
 * none) and none of `deny` does. All set fields of a filter must match.
 */
export function compileFilters(lists: FilterLists, options: FilterOptions): CompiledFilters {
  const problems: FilterProblem[] = [];
  if (lists.allow.length + lists.deny.length > maxFilters)
    return { problems: [{ path: "", message: `there may be ${maxFilters} filters at most` }] };
  const bounds: Bounds = { states: maxStates, budget: 0 };
  const compile = (list: string, filters: readonly Filter[]) =>
    filters.map((filter, index) =>
      compileOne(filter, { ...options, bounds }, (path, message) =>
        problems.push({ path: `${list}[${index}].${path}`, message }),
      ),
    );
  const allow = compile("allow_list", lists.allow);
  const deny = compile("deny_list", lists.deny);
  if (problems.length > 0) return { problems };
  if (allow.length === 0 && deny.length === 0) return { value: () => true };
  return {
    value: (event) => {
      bounds.budget = maxSteps;
      // Marks of loss go to all readers: a stream that hides them would look complete.
      return (
        event.isMark ||
        ((allow.length === 0 || allow.some((filter) => filter(event))) &&
          !deny.some((filter) => filter(event)))
      );
    },
  };
}

type Report = (path: string, message: string) => void;

/** The most that all filters of one reader may cost together. */
type Bounds = {
  /** States of regular expressions that may still be added. */
  states: number;
  /** Steps of expressions that are left for the current event. */
  budget: number;
};

const maxStates = 20_000;
const maxFilters = 1000;
/** The cost of another expression or selector, in states. */
const expressionStates = 200;
const selectorStates = 10;

/** False if there is no room for more, which is reported once. */
function takes(bounds: Bounds, states: number, path: string, report: Report): boolean {
  if (bounds.states < 0) return false;
  bounds.states -= states;
  if (bounds.states < 0)
    report(path, "the filters are too many, or too large, to be asked about each event");
  return bounds.states >= 0;
}

type Context = FilterOptions & { readonly bounds: Bounds };

function compileOne(filter: Filter, options: Context, report: Report): EventFilter {
  const tests: EventFilter[] = [];
  const { cel_expression, ...others } = filter;
  // Expressions cost most: they are evaluated last.
  for (const [field, value] of Object.entries({ ...others, cel_expression })) {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    const compile = compilers[field as keyof Filter] as Compiler<unknown> | undefined;
    const test = compile?.(value, (path, message) => report(`${field}${path}`, message), options);
    if (test !== undefined) tests.push(test);
  }
  return (event) => {
    for (const test of tests) if (!test(event)) return false;
    return true;
  };
}

/** Returns undefined after it has reported a problem. */
type Compiler<T> = (value: T, report: Report, options: Context) => EventFilter | undefined;

type TextOf = (process: ProcessEntry) => string;

const binary: TextOf = (process) => process.binary;
const commandLine: TextOf = (process) => process.arguments;
const podName: TextOf = ({ workload }) => workload.pod?.name ?? "";
const podNamespace: TextOf = ({ workload }) => workload.pod?.namespace ?? "";
const containerId: TextOf = ({ workload }) => workload.containerId;
const containerName: TextOf = ({ workload }) => workload.pod?.container?.name ?? "";

type ProcessTest = (process: ProcessEntry) => boolean;

const onProcess =
  (test: ProcessTest): EventFilter =>
  ({ process }) =>
    process !== undefined && test(process);

const onParent =
  (test: ProcessTest): EventFilter =>
  ({ parent }) =>
    parent !== undefined && test(parent);

/** From the grandparent upwards, as in the field `ancestors`. */
const onAncestors =
  (test: ProcessTest): EventFilter =>
  ({ parent }) => {
    let at = parent?.parent;
    for (let depth = 0; at !== undefined && depth < 128; at = at.parent, depth++)
      if (test(at)) return true;
    return false;
  };

const regexOf =
  (on: (test: ProcessTest) => EventFilter, textOf: TextOf): Compiler<readonly string[]> =>
  (patterns, report, { bounds }) =>
    on(regexTest(patterns, textOf, report, bounds));

/** One entry for each field of the message. In the message's order cheap ones come first anyway. */
const compilers: { readonly [F in keyof Filter]-?: Compiler<NonNullable<Filter[F]>> } = {
  event_set(names, report) {
    reportUnknown(names, EventType, { report, what: "kind of event" });
    const kinds = new Set(names.map((name) => EventType[name] as number));
    return ({ kind }) => kinds.has(kind);
  },
  pid(pids) {
    const set = new Set(pids);
    return ({ process }) => process !== undefined && set.has(process.pid);
  },
  pid_set(pids) {
    const set = new Set(pids);
    return ({ process }) => {
      for (let at = process, depth = 0; at !== undefined && depth < 128; at = at.parent, depth++)
        if (set.has(at.pid)) return true;
      return false;
    };
  },
  policy_names(names) {
    const set = new Set(names);
    return ({ hook }) => hook !== undefined && set.has(hook.policyName);
  },
  in_init_tree:
    ({ value = false }) =>
    ({ process }) =>
      process?.inInitTree === value,
  namespace(names) {
    const set = new Set(names);
    return ({ process }) => process !== undefined && set.has(podNamespace(process));
  },
  user(names) {
    const set = new Set(names);
    return ({ process }) => {
      const { user, candidates = [] } = process?.session ?? {};
      return [user, ...candidates.map((one) => one.user)].some(
        (one) => one !== undefined && set.has(one),
      );
    };
  },
  health_check:
    ({ value = false }) =>
    ({ process, parent }) => {
      const isProbe = (entry: ProcessEntry | undefined) => entry?.maybeExecProbe === true;
      return (isProbe(process) || isProbe(parent)) === value;
    },
  binary_regex: regexOf(onProcess, binary),
  arguments_regex: regexOf(onProcess, commandLine),
  parent_binary_regex: regexOf(onParent, binary),
  parent_arguments_regex: regexOf(onParent, commandLine),
  ancestor_binary_regex: regexOf(onAncestors, binary),
  pod_regex: regexOf(onProcess, podName),
  namespace_regex: regexOf(onProcess, podNamespace),
  container_id: regexOf(onProcess, containerId),
  container_name_regex: regexOf(onProcess, containerName),
  labels(selectors, report, { bounds }) {
    const compiled = selectors.flatMap((text, index) => {
      if (!takes(bounds, selectorStates, `[${index}]`, report)) return [];
      const selector = labelSelector(text);
      if (typeof selector === "function") return [selector];
      report(`[${index}]`, selector.problem);
      return [];
    });
    return ({ process }) => {
      const pod = process?.workload.pod;
      return pod !== undefined && compiled.some((matches) => matches(pod.pod_labels ?? {}));
    };
  },
  capabilities(sets, report, { withCredentials }) {
    if (!withCredentials) {
      report("", "processes carry no capabilities; start the sensor with --enable-process-cred");
      return undefined;
    }
    const tests = (["permitted", "effective", "inheritable"] as const).flatMap((name) => {
      const wanted = sets[name];
      if (wanted === undefined) return [];
      for (const [part, names = []] of Object.entries(wanted))
        reportUnknown(names, CapabilitiesType, {
          report: (path, message) => report(`.${name}.${part}${path}`, message),
          what: "capability",
        });
      return [
        (process: ProcessEntry) => capabilityTest(wanted, process.capabilities?.[name] ?? []),
      ];
    });
    return ({ process }) => process !== undefined && tests.every((test) => test(process));
  },
  cel_expression(sources, report, { bounds }) {
    const compiled = sources.flatMap((source, index) => {
      if (!takes(bounds, expressionStates, `[${index}]`, report)) return [];
      const { value, problem } = compileCel(source);
      if (value !== undefined) return [value];
      report(`[${index}]`, problem);
      return [];
    });
    return (event) => {
      // Expressions see the event itself, without node and cluster.
      const message = plainMessage(event, { nodeName: "", clusterName: "", nodeLabels: {} });
      return compiled.some((holds) => holds(message, bounds));
    };
  },
};

/** A value from a newer version is a number: without it, a condition would hold for other events. */
function reportUnknown(
  names: readonly (string | number)[],
  known: Readonly<Record<string, number>>,
  { report, what }: { readonly report: Report; readonly what: string },
): void {
  for (const [index, name] of names.entries())
    if (!Object.hasOwn(known, name)) report(`[${index}]`, `there is no ${what} "${name}"`);
}

let nextTest = 0;

/** A regular expression costs microseconds, so each process caches the results. */
function regexTest(
  patterns: readonly string[],
  textOf: TextOf,
  report: Report,
  bounds: Bounds,
): ProcessTest {
  const regexes = patterns.flatMap((pattern, index) => {
    if (bounds.states < 0) return []; // already reported
    try {
      const regex = linearRegex(pattern);
      return takes(bounds, regex.size, `[${index}]`, report) ? [regex] : [];
    } catch (error) {
      report(`[${index}]`, error instanceof Error ? error.message : String(error));
      return [];
    }
  });
  const number = nextTest++;
  return (process) => {
    const known = process.filterResults?.get(number);
    if (known !== undefined) return known;
    const text = textOf(process);
    const result = regexes.some((regex) => regex.test(text));
    process.filterResults ??= new Map();
    // Subscribers change; their cached results must not accumulate.
    if (process.filterResults.size >= 32) process.filterResults.clear();
    process.filterResults.set(number, result);
    return result;
  };
}

type CapabilityFilter = NonNullable<NonNullable<Filter["capabilities"]>["permitted"]>;

function capabilityTest(wanted: CapabilityFilter, has: readonly CapabilitiesType[]): boolean {
  const set = new Set(has);
  const { any = [], all = [], exactly = [], none = [] } = wanted;
  return (
    (any.length === 0 || any.some((name) => set.has(name))) &&
    all.every((name) => set.has(name)) &&
    (exactly.length === 0 ||
      (new Set(exactly).size === set.size && exactly.every((name) => set.has(name)))) &&
    !none.some((name) => set.has(name))
  );
}
