// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from "@gander/base";
import type { Document, Pair } from "yaml";
import { isAlias, isMap, isNode, isScalar, visit } from "yaml";

type Report = (code: ErrorCode, message: string, hint: string, offset: number) => void;

/** What the parser lets pass: keys that are lists, and keys that are there twice. */
export function checkNodes(document: Document, report: Report): boolean {
  let ok = true;
  const fail = (code: ErrorCode, message: string, hint: string, offset: number) => {
    ok = false;
    report(code, message, hint, offset);
  };
  visit(document, {
    Map(_, node) {
      const seen = new Set<string>();
      for (const pair of node.items) {
        const offset = offsetOf(pair.key);
        if (!isScalar(pair.key)) {
          fail(
            "yaml-syntax",
            "A key must be a plain text",
            "Put it in quotes if it begins with [, {, * or &.",
            offset,
          );
          continue;
        }
        const key = String(pair.key.value);
        if (seen.has(key) && key !== "<<") {
          fail(
            "yaml-duplicate-key",
            `The key "${key.slice(0, 80)}" is there twice`,
            "Merge the two, or remove one.",
            offset,
          );
        }
        seen.add(key);
      }
    },
    Alias(_, node) {
      if (!node.resolve(document)) {
        fail(
          "yaml-alias",
          `The alias *${node.source} refers to nothing before it`,
          "Put it in quotes if it is a text.",
          offsetOf(node),
        );
      }
    },
  });
  return ok;
}

const pairsOfMaps = new WeakMap<object, ReadonlyMap<string, Pair>>();

/** The pair of a map with this key, or undefined. Looks at each map once, as they may be large. */
export function findPair(node: unknown, key: string): Pair | undefined {
  if (!isMap(node)) return undefined;
  let pairs = pairsOfMaps.get(node);
  if (!pairs) {
    pairs = new Map(
      node.items.map((pair) => [isScalar(pair.key) ? String(pair.key.value) : "", pair]),
    );
    pairsOfMaps.set(node, pairs);
  }
  return pairs.get(key);
}

export function offsetOf(node: unknown): number {
  return isNode(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0;
}
