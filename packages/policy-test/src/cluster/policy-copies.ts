// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isPolicyKind, type PolicyKind, setPrefix, valueSetKind } from "@gander/crd-schemas";
import { parseAllDocuments } from "yaml";
import type { LoadedTest } from "../load-policy-test.ts";

export type CopyOptions = {
  /** Of this run: a label's value. */
  readonly id: string;
  /** Of policies of namespaces. */
  readonly namespace: string;
  readonly mode: "enforce" | "monitor";
};

/** An object of the API. */
export type PolicyCopy = {
  readonly kind: PolicyKind;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: Json;
};

type Json = Readonly<Record<string, unknown>>;

/** The label by which the copies choose the probe pod, and no other. */
export const copyLabel = "gander.dev/policy-test";

/**
 * The test's policies under names of their own, for pods with the label alone: nothing else in the cluster is
 * concerned, whatever they were for. Sets are replaced by their values.
 */
export function copyPolicies({ file, test }: LoadedTest, options: CopyOptions): PolicyCopy[] {
  const documents = test.policies.flatMap((name) => objectsIn(join(dirname(file), name)));
  const sets = new Map(Object.entries(test.sets));
  for (const { kind, metadata, spec } of documents)
    if (kind === valueSetKind)
      sets.set(String(asJson(metadata).name), textsOf(asJson(spec).values));
  return documents
    .filter(({ kind }) => isPolicyKind(String(kind)))
    .map(({ kind, spec }, i) =>
      copyOf(kind as PolicyKind, asJson(withValues(spec, sets)), i, options),
    );
}

function copyOf(kind: PolicyKind, spec: Json, index: number, options: CopyOptions): PolicyCopy {
  const { id, namespace, mode } = options;
  const { hostSelector: _host, nodeSelector: _nodes, options: written, ...rest } = spec;
  const others = (Array.isArray(written) ? written : []).filter(
    (one) => asJson(one).name !== "policy-mode",
  );
  return {
    kind,
    metadata: {
      name: `gander-test-${id}-${index}`,
      ...(kind.endsWith("Namespaced") && { namespace }),
      labels: { [copyLabel]: id },
    },
    spec: {
      ...rest,
      podSelector: { matchLabels: { [copyLabel]: id } },
      options: [...others, { name: "policy-mode", value: mode }],
    },
  };
}

function objectsIn(file: string): readonly Json[] {
  const documents = parseAllDocuments(readFileSync(file, "utf8"), { merge: true });
  // They were checked before: what is broken is no policy.
  return ("empty" in documents ? [] : documents).map((one) =>
    asJson(one.toJS({ maxAliasCount: 100 })),
  );
}

const asJson = (value: unknown): Json =>
  typeof value === "object" && value !== null ? (value as Json) : {};
const textsOf = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);

/** Lists of values with those of a set in the place of its name. One that is not known stays: the cluster may fill it. */
function withValues(value: unknown, sets: ReadonlyMap<string, readonly string[]>): unknown {
  if (Array.isArray(value))
    return value.flatMap((one): readonly unknown[] =>
      typeof one === "string" && one.startsWith(setPrefix)
        ? (sets.get(one.slice(setPrefix.length)) ?? [one])
        : [withValues(one, sets)],
    );
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, withValues(one, sets)]),
  );
}
