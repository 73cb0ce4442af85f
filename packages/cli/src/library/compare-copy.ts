// SPDX-License-Identifier: Apache-2.0
import { checkPolicyObject } from "@gander/policy";
import { type Explanation, explainPolicy } from "@gander/policy/explain";
import type { LibraryPolicy } from "@gander/policy-test/library";
import { stringify } from "yaml";
import { lineDiff, unifiedDiff } from "../fleet/line-diff.ts";

/** A policy of a file or of the cluster. */
export type PolicyCopy = {
  readonly name: string;
  /** For people: a file, or `the cluster`. */
  readonly where: string;
  readonly object: RawPolicy;
};

export type RawPolicy = {
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
};

export type Comparison = {
  readonly name: string;
  readonly where: string;
  /** gone: the library had it once. missing: there is no copy. */
  readonly state: "same" | "different" | "gone" | "missing";
  /** Mode monitor is a choice, and no difference. */
  readonly monitors: boolean;
  readonly sentences: readonly string[];
  /** As `diff -u` shows it, from the copy to the library. */
  readonly diff: readonly string[];
};

/** What the library would change about a copy. */
export function compareCopy(copy: PolicyCopy, policy: LibraryPolicy): Comparison {
  const { name, where, object } = copy;
  const lines = (one: RawPolicy) =>
    stringify(comparable(one), { sortMapEntries: true, lineWidth: 0, aliasDuplicateObjects: false })
      .trimEnd()
      .split("\n");
  const diff = unifiedDiff(lineDiff(lines(object), lines(policy.object)));
  const base = { name, where, monitors: isMonitored(object), diff };
  if (diff.length === 0) return { ...base, state: "same", sentences: [] };
  const found = differences(object, policy);
  // Sentences leave out what is far down in a long list.
  const sentences = found.length > 0 ? found : ["Values of a list, messages or notes differ"];
  return { ...base, state: "different", sentences };
}

const factNames = ["pack", "level", "severity"];
const noteNames = ["techniques", "stops", "false-positives", "events-an-hour"];

/** What of a policy is the library's: not the mode, and nothing that tools add. */
function comparable({ kind, metadata, spec = {} }: RawPolicy): unknown {
  const own = (texts: Readonly<Record<string, string>> = {}, names: readonly string[]) =>
    Object.fromEntries(
      Object.entries(texts).filter(([key]) => names.some((name) => key === `gander.dev/${name}`)),
    );
  const { options = [], ...rest } = spec;
  const kept = optionsOf(options).filter(({ name }) => name !== "policy-mode");
  return {
    kind,
    labels: own(metadata?.labels, factNames),
    annotations: own(metadata?.annotations, noteNames),
    spec: { ...rest, ...(kept.length > 0 && { options: kept }) },
  };
}

type Option = { readonly name?: unknown; readonly value?: unknown };

const optionsOf = (options: unknown): readonly Option[] =>
  Array.isArray(options) ? (options as readonly Option[]) : [];

const isMonitored = ({ spec }: RawPolicy): boolean =>
  optionsOf(spec?.options).some(({ name, value }) => name === "policy-mode" && value === "monitor");

function differences(object: RawPolicy, policy: LibraryPolicy): readonly string[] {
  const { value, problems = [] } = checkPolicyObject(object);
  const wrong = problems.map(({ message }) => `This version refuses the copy: ${message}`);
  if (value === undefined) return wrong;
  const { compiled, named = compiled } = policy.checked;
  const [here, there] = [value.compiled, named].map((one) => sentencesOf(explainPolicy(one, one)));
  return [
    ...factDifferences(object, policy),
    ...only(here, there).map((sentence) => `Only in the copy: ${sentence}`),
    ...only(there, here).map((sentence) => `Only in the library: ${sentence}`),
  ];
}

function factDifferences({ kind, metadata }: RawPolicy, policy: LibraryPolicy): readonly string[] {
  const library = policy.object as RawPolicy;
  const pairs = [
    ["kind", kind, library.kind],
    ...(["labels", "annotations"] as const).flatMap((part) =>
      [...factNames, ...noteNames].map((name) => [
        name,
        metadata?.[part]?.[`gander.dev/${name}`],
        library.metadata?.[part]?.[`gander.dev/${name}`],
      ]),
    ),
  ];
  return pairs
    .filter(([, here, there]) => here !== there)
    .map(([name, here, there]) => `${name}: ${here ?? "none"}; in the library ${there ?? "none"}`);
}

const only = (one: readonly string[] = [], other: readonly string[] = []) =>
  one.filter((sentence) => !other.includes(sentence));

function sentencesOf({ appliesTo, eventBudget, hooks }: Explanation): readonly string[] {
  return [
    `it is for ${appliesTo}`,
    ...(eventBudget === "" ? [] : [`it posts ${eventBudget}`]),
    ...hooks.flatMap(({ hooks: where, rules }) =>
      rules.map(({ conditions, effects, returnConditions, returnEffects }) => {
        const all = [...conditions, ...returnConditions];
        const when = all.length === 0 ? "at every call" : `if ${all.join(" and ")}`;
        return `${where}: ${when}, ${[...effects, ...returnEffects].join(" and ")}`;
      }),
    ),
  ];
}
