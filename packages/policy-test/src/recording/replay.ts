// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { CompiledHook, CompiledPolicy } from "@gander/policy";
import { argIdentity, ownHooks } from "./companion-policy.ts";
import {
  createHookJudge,
  type Judgement,
  type Positions,
  stronger,
  type Verdict,
  verdicts,
} from "./judge-hook.ts";
import type { ReadCall } from "./recording-file.ts";
import type { RecordedHook, RecordingHeader } from "./recording-format.ts";

/** Policies, against the hooks of a recording. */
export type Replay = {
  /** Hook entries whose calls are not in the recording. */
  readonly unrecorded: readonly UnrecordedHook[];
  /** What the policies together do; undefined: they have no hook entry for such calls. */
  judge(call: ReadCall): Judgement | undefined;
  /** The hook entries that decide calls of a hook, as plain data. */
  entries(hook: number): readonly unknown[];
};

export type UnrecordedHook = {
  readonly policy: string;
  readonly path: string;
  readonly target: string;
};

/**
 * @param besides policies whose replay is compared with this one: both are of the same hooks.
 */
export function createReplay(
  policies: readonly CompiledPolicy[],
  { hooks }: RecordingHeader,
  besides: readonly CompiledPolicy[] = [],
): Replay {
  const all = [...policies, ...besides].flatMap((policy) => ownHooks(policy.hooks));
  const chosen = chooseHooks(all, hooks);
  const judges = hooks.map((): ((call: ReadCall) => Judgement)[] => []);
  const plain = hooks.map((): unknown[] => []);
  const unrecorded: UnrecordedHook[] = [];
  for (const policy of policies)
    for (const hook of ownHooks(policy.hooks)) {
      const number = chosen.get(callsOf(hook)) ?? -1;
      const recorded = hooks[number];
      const { path, target } = hook;
      if (recorded === undefined) unrecorded.push({ policy: policy.name, path, target });
      else {
        judges[number]?.push(createHookJudge(policy, hook, positionsOf(hook, recorded)));
        plain[number]?.push(entryOf(policy, hook));
      }
    }
  return {
    unrecorded,
    entries: (hook) => plain[hook] ?? [],
    judge(call) {
      const [first, ...others] = (judges[call.hook] ?? []).map((judge) => judge(call));
      return first && others.reduce(both, first);
    },
  };
}

/** Of two entries, what does more is seen. */
function both(one: Judgement, other: Judgement): Judgement {
  const found = new Set<Verdict>(
    one.possible.flatMap((a) => other.possible.map((b) => stronger(a, b))),
  );
  const possible = verdicts.filter((verdict) => found.has(verdict));
  return { possible, lacking: possible.length > 1 ? [...one.lacking, ...other.lacking] : [] };
}

/** All that decides; not how it is named and where it stands. */
function entryOf({ workloads, namespace }: CompiledPolicy, hook: CompiledHook): unknown {
  const { path: _, index: __, message: ___, tags: ____, selectors, ...rest } = hook;
  const plain = selectors.map(({ label: _____, ...selector }) => selector);
  return { workloads, namespace, ...rest, selectors: plain };
}

/**
 * Of each function, the recorded hook that has the most values that the entries read. Another one would have the same
 * calls again.
 */
function chooseHooks(
  entries: readonly CompiledHook[],
  hooks: readonly RecordedHook[],
): ReadonlyMap<string, number> {
  const numbers = Map.groupBy(hooks.keys(), (number) => callsOf(hooks[number] as RecordedHook));
  const byCalls = Map.groupBy(entries, callsOf);
  const chosen = new Map<string, number>();
  for (const [calls, candidates] of numbers) {
    const found = (number: number) =>
      (byCalls.get(calls) ?? [])
        .flatMap((entry) => positionsOf(entry, hooks[number] as RecordedHook))
        .filter((at) => at !== undefined).length;
    const [best] = candidates.toSorted((a, b) => found(b) - found(a));
    if (best !== undefined) chosen.set(calls, best);
  }
  return chosen;
}

type Calls = Pick<
  RecordedHook,
  "kind" | "target" | "others" | "generated" | "program" | "syscall" | "raw"
>;

/** Identifies which calls a hook sees. */
const callsOf = ({ kind, target, others, generated, program, syscall, raw }: Calls): string =>
  JSON.stringify({ kind, target, others, generated, program, syscall, raw });

/** As JSON has it, without the prototypes of what was parsed. */
const plainData = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const positionsOf = ({ args }: CompiledHook, recorded: RecordedHook): Positions =>
  args.map((arg) => positionOf(arg, recorded));

function positionOf(arg: CompiledHook["args"][number], { args }: RecordedHook): number | undefined {
  const { type: _, ...place } = argIdentity(arg);
  const isSame = (recorded: RecordedHook["args"][number]) => {
    const { kept: __, keptSourcePort: ___, type: ____, ...other } = recorded;
    return isDeepStrictEqual(plainData(place), plainData(other));
  };
  const same = args.flatMap((one, at) => (isSame(one) ? [at] : []));
  const ofType = same.find((at) => args[at]?.type === arg.type && args[at]?.kept);
  if (ofType !== undefined) return ofType;
  // The kernel's own type is read as what it is; one that is written, as that.
  return same.find((at) => args[at]?.kept && (args[at]?.type === "auto" || arg.type === "auto"));
}
