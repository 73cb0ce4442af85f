// SPDX-License-Identifier: Apache-2.0
import { policyKindNames } from "@gander/crd-schemas";
import type { SourceDocument } from "./locate.ts";

/** `kubectl get -o yaml` prints several objects as a List; the API server's own lists have a kind each. */
const listKinds: ReadonlySet<unknown> = new Set([
  "List",
  ...policyKindNames.map((kind) => `${kind}List`),
]);

/** The items of a Kubernetes list, with their places in the text; of anything else undefined. */
export function itemsOf({ value, locate }: SourceDocument): readonly SourceDocument[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const items: unknown = Reflect.get(value, "items");
  if (!listKinds.has(Reflect.get(value, "kind")) || !Array.isArray(items)) return undefined;
  return items.map((item: unknown, i) => ({
    value: item,
    locate: {
      value: (path) => locate.value(["items", i, ...path]),
      key: (path) => locate.key(["items", i, ...path]),
      character: (path, offset) => locate.character(["items", i, ...path], offset),
      plainText: (path) => locate.plainText(["items", i, ...path]),
    },
  }));
}
