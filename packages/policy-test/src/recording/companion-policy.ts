// SPDX-License-Identifier: Apache-2.0
import type { Problem, Result } from "@gander/base";
import {
  type CheckedPolicy,
  type CompiledArg,
  type CompiledHook,
  hookKindNames,
  hookKinds,
} from "@gander/policy";
import type { RecordedArg, RecordedHook } from "./recording-format.ts";
import { type TestedValues, testedValues } from "./tested-values.ts";

/** Observes what the hooks of a policy see: the same hooks and arguments, without filters, only posting. */
export type Companion = {
  readonly name: string;
  /** The policy. */
  readonly text: string;
  /** In the order of their numbers. */
  readonly hooks: readonly RecordedHook[];
  readonly tested: readonly TestedValues[];
};

type CompanionOptions = {
  readonly name: string;
  /** The number of its first hook in the recording; the others follow. */
  readonly firstHook: number;
  /** Processes whose calls are left out: those that the recording itself causes would cause others. */
  readonly withoutPids: readonly number[];
};

/** Events of a companion say by their message which hook entry they are of. */
const marker = "gander-recording-hook-";

export function hookOfMessage(message: unknown): number | undefined {
  if (typeof message !== "string" || !message.startsWith(marker)) return undefined;
  const number = Number(message.slice(marker.length));
  return Number.isInteger(number) ? number : undefined;
}

const sections = hookKindNames.flatMap((kind) => [...hookKinds[kind].sections]);

/** Stronger than the sensor's own: as many events as there are. */
const withoutBudget = { name: "event-budget", value: "999999999/1s" };

export function companionOf(
  { policy, compiled }: CheckedPolicy,
  { name, firstHook, withoutPids }: CompanionOptions,
): Result<Companion> {
  const problems = compiled.hooks.flatMap((hook) => unrecordable(hook, compiled.name));
  if (problems.length > 0) return { problems };
  const hooks = distinct(ownHooks(compiled.hooks));
  const tested = hooks.map(testedValues);
  const entries = new Map(hooks.map(({ path }, i) => [path, firstHook + i]));
  const pids = { operator: "NotIn", values: withoutPids };
  const selectors = withoutPids.length > 0 ? [{ matchPIDs: [pids] }] : [];
  const spec: Record<string, unknown> = {};
  for (const section of sections) {
    const written = policy.spec[section as keyof typeof policy.spec];
    const observed = (Array.isArray(written) ? written : []).flatMap((entry: object, i) => {
      const number = entries.get(`spec.${section}[${i}]`);
      if (number === undefined) return [];
      return [{ ...entry, ...nothingElse, message: `${marker}${number}`, selectors }];
    });
    if (observed.length > 0) spec[section] = observed;
  }
  if (policy.spec.lists !== undefined) spec.lists = policy.spec.lists;
  spec.options = [withoutBudget];
  const content = {
    ...{ apiVersion: "gander.dev/v1alpha1", kind: "GuardPolicy", metadata: { name }, spec },
  };
  return {
    value: {
      ...{ name, tested, text: JSON.stringify(content, null, 1) },
      hooks: hooks.map((hook, i) => recordedHook(hook, tested[i] as TestedValues, compiled.name)),
    },
  };
}

/** JSON leaves these out. */
const nothingElse = { tags: undefined, returnArgAction: undefined };

/**
 * Without those of enforcers: what they do depends on what other hooks of the policy have said of the call, and the
 * judgement of these says that it is unknown.
 */
export const ownHooks = (hooks: readonly CompiledHook[]): readonly CompiledHook[] =>
  hooks.filter(({ path }) => !path.startsWith("spec.enforcers"));

/** One hook entry may be several compiled ones, which differ in their selectors alone. */
const distinct = (hooks: readonly CompiledHook[]): readonly CompiledHook[] => [
  ...new Map(hooks.map((hook) => [hook.path, hook])).values(),
];

function unrecordable({ kind, path }: CompiledHook, name: string): Problem[] {
  if (kind !== "loader") return [];
  return [
    {
      ...{ file: "", path, line: 0, column: 0, code: "policy-rule", severity: "error" },
      message: `Cannot record what the policy "${name}" sees: \`loader: true\` has no filters, so there is nothing to replay`,
      hint: "Remove `loader` from the copy of the policy that you record.",
    },
  ];
}

function recordedHook(hook: CompiledHook, tested: TestedValues, policy: string): RecordedHook {
  const { kind, target, others, generated, program, syscall, raw, args, returnArg } = hook;
  const recorded = (arg: CompiledArg, position: number | "return"): RecordedArg => ({
    ...argIdentity(arg),
    kept: tested.values.has(position),
    keptSourcePort: tested.sourcePorts.has(position),
  });
  return {
    ...{ policy, kind, target, syscall, raw },
    ...(others && { others }),
    ...(generated && { generated }),
    ...(program && { program }),
    args: args.map(recorded),
    ...(returnArg && { returnArg: recorded(returnArg, "return") }),
  };
}

/** What is read, and as what. */
export function argIdentity({ index, type, source, resolve, btfType }: CompiledArg) {
  return {
    ...{ index, type },
    ...(source && { source }),
    ...(resolve && { resolve }),
    ...(btfType && { btfType }),
  };
}
