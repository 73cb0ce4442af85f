// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { isNamespacedKind, type Path } from "@gander/crd-schemas";
import type { CompiledPolicy } from "./compiled-policy.ts";
import type { SourceDocument } from "./read/locate.ts";
import { parseDocuments } from "./read/parse-documents.ts";

/**
 * Adds line and column in the policy's text to problems that have only a path (those found for a kernel).
 * The text is read once for all its policies.
 */
export function problemPlacer(
  text: string,
): (
  problems: readonly Problem[],
  policy: Pick<CompiledPolicy, "name" | "namespace">,
) => readonly Problem[] {
  let byPolicy: ReadonlyMap<string, SourceDocument> | undefined;
  return (problems, policy) => {
    if (problems.every(({ line }) => line > 0)) return problems;
    byPolicy ??= new Map(
      parseDocuments(text, "")
        .documents.map((document) => [nameIn(document.value), document] as const)
        .reverse(),
    );
    const document = byPolicy.get(`${policy.namespace}/${policy.name}`);
    if (!document) return problems;
    return problems.map((problem) => (problem.line > 0 ? problem : place(problem, document)));
  };
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

/** `namespace/name` of a policy. */
function nameIn(value: unknown): string {
  const field = (from: unknown, key: string): unknown =>
    typeof from === "object" && from !== null ? Reflect.get(from, key) : undefined;
  const metadata = field(value, "metadata");
  const namespaced = isNamespacedKind(field(value, "kind"));
  const namespace = namespaced ? (field(metadata, "namespace") ?? "default") : "";
  return `${namespace}/${field(metadata, "name")}`;
}
