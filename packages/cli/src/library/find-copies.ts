// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import {
  isNamespacedKind,
  type PolicyKind,
  policyKindNames,
  resourceOf,
} from "@gander/crd-schemas";
import type { KubeClient } from "@gander/kube";
import { parseAllDocuments } from "yaml";
import { findFiles } from "../check/find-files.ts";
import type { Io } from "../io.ts";
import { readInput } from "../read-input.ts";
import type { PolicyCopy, RawPolicy } from "./compare-copy.ts";

/** Policies of packs in files, directories and patterns. @throws GanderError if one can't be read. */
export async function copiesInFiles(
  paths: readonly string[],
  io: Io,
): Promise<readonly PolicyCopy[]> {
  const copies: PolicyCopy[] = [];
  for (const { path, refused } of await findFiles(paths)) {
    if (refused !== undefined)
      throw new GanderError("client-bad-input", `Cannot read ${path}: ${refused}`);
    const { name: where, text } = await readInput(path, io);
    for (const document of parseAllDocuments(text, { merge: true })) {
      const [error] = document.errors;
      if (error !== undefined)
        throw new GanderError("client-bad-input", `Cannot read ${where}: ${error.message}`);
      copies.push(...copyOf(document.toJS({ maxAliasCount: 1000 }), where));
    }
  }
  return copies;
}

/** Those of the whole cluster. */
export async function copiesInCluster(client: KubeClient): Promise<readonly PolicyCopy[]> {
  const lists = policyKindNames
    .filter((kind) => !isNamespacedKind(kind))
    .map(async (kind) => {
      const items = await listKind(client, kind);
      // Items of a list have no kind of their own.
      return items.flatMap((item) => copyOf({ ...item, kind }, "the cluster"));
    });
  return (await Promise.all(lists)).flat();
}

async function listKind(client: KubeClient, kind: PolicyKind): Promise<readonly RawPolicy[]> {
  const { KubeError, resourcePath } = await import("@gander/kube");
  try {
    const { items = [] } = await client.get<{ readonly items?: readonly RawPolicy[] }>({
      task: `list policies of kind ${kind}`,
      path: resourcePath(resourceOf(kind)),
    });
    return items;
  } catch (error) {
    // The cluster may lack the definition.
    if (error instanceof KubeError && error.code === "kube-not-found") return [];
    throw error;
  }
}

/** A policy without `gander.dev/pack` was never of the library. */
function copyOf(value: unknown, where: string): readonly PolicyCopy[] {
  if (typeof value !== "object" || value === null) return [];
  const object = value as RawPolicy;
  const { name, labels } = object.metadata ?? {};
  const isPolicy = policyKindNames.some((kind) => kind === object.kind);
  if (!isPolicy || typeof name !== "string" || labels?.["gander.dev/pack"] === undefined) return [];
  return [{ name, where, object }];
}
