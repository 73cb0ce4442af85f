// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import type { Path } from "@gander/crd-schemas";
import type { CompiledPolicy } from "./compiled-policy.ts";
import type { SourceDocument } from "./read/parse-documents.ts";
import { parseDocuments } from "./read/parse-documents.ts";

/**
 * Gives problems that know only their path in a policy (those found by looking at a kernel) the line
 * and column in the text that the policy was read from.
 */
export function placeProblems(
  problems: readonly Problem[],
  policy: Pick<CompiledPolicy, "name" | "namespace">,
  text: string,
): readonly Problem[] {
  if (problems.every(({ line }) => line > 0)) return problems;
  const document = parseDocuments(text, "").documents.find(({ value }) => isOf(value, policy));
  if (!document) return problems;
  return problems.map((problem) => (problem.line > 0 ? problem : place(problem, document)));
}

function place(problem: Problem, { locate }: SourceDocument): Problem {
  return { ...problem, ...locate.value(readPath(problem.path)) };
}

/** `spec.kprobes[0].args` → its segments. */
function readPath(text: string): Path {
  return [...text.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, name, position]) =>
    position === undefined ? (name ?? "") : Number(position),
  );
}

function isOf(value: unknown, { name, namespace }: Pick<CompiledPolicy, "name" | "namespace">) {
  const field = (from: unknown, key: string): unknown =>
    typeof from === "object" && from !== null ? Reflect.get(from, key) : undefined;
  const metadata = field(value, "metadata");
  if (field(metadata, "name") !== name) return false;
  const namespaced = field(value, "kind") === "TracingPolicyNamespaced";
  return namespace === (namespaced ? (field(metadata, "namespace") ?? "default") : "");
}
