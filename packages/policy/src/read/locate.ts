// SPDX-License-Identifier: Apache-2.0
import type { Path } from "@gander/crd-schemas";
import type { Alias, Document, LineCounter, Node } from "yaml";
import { isAlias, isNode, isScalar, isSeq } from "yaml";
import { findPair, offsetOf } from "./resolve-document.ts";

export type Place = { readonly line: number; readonly column: number };

export type SourceDocument = {
  /** Plain values; maps are objects without duplicate keys. */
  readonly value: unknown;
  readonly locate: Locate;
};

export type Locate = {
  /** Where the value at this path begins; if there is none, its nearest existing parent. */
  value(path: Path): Place;
  /** Where the key at the end of this path is. */
  key(path: Path): Place;
  /** Where a character of the text at this path is; of one that is written in another way, the value. */
  character(path: Path, offset: number): Place;
  /** An unquoted scalar as written; otherwise undefined. */
  plainText(path: Path): string | undefined;
};

/** `targets`: the node that each alias refers to. */
export function createLocate(
  document: Document,
  targets: ReadonlyMap<Alias, Node>,
  { text, lines }: { readonly text: string; readonly lines: LineCounter },
): Locate {
  const follow = (path: Path) => followPath(document, targets, path);
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  return {
    value: (path) => place(follow(path).offset),
    key: (path) => {
      const parent = follow(path.slice(0, -1));
      const pair = findPair(parent.node, String(path.at(-1)));
      return place(pair ? offsetOf(pair.key) : parent.offset);
    },
    character: (path, offset) => {
      const found = follow(path);
      const { node, whole } = found;
      if (!whole || !isScalar(node) || typeof node.value !== "string") return place(found.offset);
      const [from = 0, to = 0] = node.range ?? [];
      const at = text.slice(from, to).indexOf(node.value);
      return place(at < 0 ? found.offset : from + at + offset);
    },
    plainText: (path) => {
      const { node, whole } = follow(path);
      return whole && isScalar(node) && node.type === "PLAIN"
        ? (node.source ?? undefined)
        : undefined;
    },
  };
}

type Found = {
  readonly node: Node | undefined;
  readonly offset: number;
  /** The whole path was followed. */
  readonly whole: boolean;
};

function followPath(document: Document, targets: ReadonlyMap<Alias, Node>, path: Path): Found {
  let node: Node | undefined = document.contents ?? undefined;
  let offset = offsetOf(node) || (document.range?.[0] ?? 0);
  for (const segment of path) {
    const next = child(node, segment);
    if (!isNode(next)) return { node, offset, whole: false };
    // The position is the alias's; deeper values are at its anchor.
    offset = offsetOf(next);
    node = isAlias(next) ? targets.get(next) : next;
  }
  return { node, offset, whole: true };
}

function child(node: unknown, segment: string | number): unknown {
  if (isSeq(node)) return node.items[Number(segment)];
  return findPair(node, String(segment))?.value;
}
