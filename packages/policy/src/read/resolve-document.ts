// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from "@gander/base";
import type { Alias, Document, Node, Pair, Scalar, YAMLMap } from "yaml";
import { isAlias, isMap, isNode, isPair, isScalar, isSeq } from "yaml";
import { limits } from "../limits.ts";

export type Report = (code: ErrorCode, message: string, hint: string, offset: number) => void;

type ResolvedDocument = {
  /** Plain values; maps are objects without duplicate keys. */
  readonly value: unknown;
  /** The node that each alias refers to. */
  readonly targets: ReadonlyMap<Alias, Node>;
};

/** How much the documents of one file may still grow through aliases. */
export type Growth = { bytesLeft: number };

/**
 * The values of a document; undefined if it breaks a rule, and each violation is reported. Visits each
 * node once: an alias gets its anchor's value, and is charged its length as text. The library's own `toJS`
 * searches the whole document for each alias, and adds up all merge keys again for each one.
 */
export function resolveDocument(
  document: Document,
  growth: Growth,
  report: Report,
): ResolvedDocument | undefined {
  const resolver = new Resolver(growth, report);
  const { value } = resolver.node(document.contents, 1);
  return resolver.failures === 0 ? { value, targets: resolver.targets } : undefined;
}

/** The result for a node. */
type Resolved = {
  readonly value: unknown;
  /** Its characters with all aliases expanded. */
  readonly size: number;
  /** Levels of lists and mappings in it. */
  readonly height: number;
};

const nothing: Resolved = { value: null, size: 0, height: 0 };

class Resolver {
  readonly targets = new Map<Alias, Node>();
  failures = 0;
  readonly #growth: Growth;
  readonly #report: Report;
  readonly #anchors = new Map<string, Node>();
  /** Of nodes with an anchor; absent ones enclose the current node. */
  readonly #done = new Map<Node, Resolved>();

  constructor(growth: Growth, report: Report) {
    this.#growth = growth;
    this.#report = report;
  }

  /** `depth` is the level of a list or mapping at this node. */
  node(node: unknown, depth: number): Resolved {
    // More are not reported.
    if (!isNode(node) || this.failures > limits.problems) return nothing;
    if (isAlias(node)) return this.#alias(node, depth);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    const resolved = this.#content(node, depth);
    if (node.anchor !== undefined) this.#done.set(node, resolved);
    return resolved;
  }

  #content(node: Exclude<Node, Alias>, depth: number): Resolved {
    if (isScalar(node)) return { value: node.value, size: lengthOf(node), height: 0 };
    if (isMap(node)) return this.#mapping(node, depth);
    const list: unknown[] = [];
    let size = lengthOf(node);
    let height = 0;
    for (const item of isSeq(node) ? node.items : []) {
      const entry = isPair(item) ? this.#pairs([item], depth + 1) : this.node(item, depth + 1);
      list.push(entry.value);
      size += entry.size - lengthOf(item);
      height = Math.max(height, entry.height);
    }
    return { value: list, size, height: height + 1 };
  }

  #mapping(map: YAMLMap, depth: number): Resolved {
    const { value, size, height } = this.#pairs(map.items, depth);
    return { value, size: size + lengthOf(map), height };
  }

  /** Its size is how much the pairs have grown. */
  #pairs(pairs: readonly Pair[], depth: number): Resolved {
    const value: Record<string, unknown> = {};
    const merged: Record<string, unknown>[] = [];
    const keys = new Set<string>();
    let size = 0;
    let height = 0;
    for (const { key, value: content } of pairs) {
      const name = this.#key(key, keys);
      if (name === undefined) continue;
      const entry = this.node(content, depth + 1);
      size += entry.size - lengthOf(content);
      height = Math.max(height, entry.height);
      if (isMergeKey(key)) merged.push(...this.#sources(entry.value, offsetOf(key)));
      else put(value, name, entry.value);
    }
    // A mapping's own keys take precedence, then the first source.
    for (const source of merged)
      for (const [name, entry] of Object.entries(source))
        if (!Object.hasOwn(value, name)) put(value, name, entry);
    return { value, size, height: height + 1 };
  }

  #key(key: unknown, keys: Set<string>): string | undefined {
    if (!isScalar(key)) {
      const hint = "Put it in quotes if it begins with [, {, * or &.";
      return this.#fail("yaml-syntax", "A key must be a plain text", hint, offsetOf(key));
    }
    if (key.anchor !== undefined) this.node(key, 0);
    const name = keyText(key);
    if (keys.has(name)) {
      const message = `The key "${name.slice(0, 80)}" is there twice`;
      const hint = isMergeKey(key)
        ? "Write one `<<` with a list: `<<: [*a, *b]`."
        : "Merge the two, or remove one.";
      return this.#fail("yaml-duplicate-key", message, hint, offsetOf(key));
    }
    keys.add(name);
    return name;
  }

  #sources(value: unknown, offset: number): readonly Record<string, unknown>[] {
    const sources = Array.isArray(value) ? value : [value];
    if (sources.every(isPlainObject)) return sources;
    const hint = "Behind `<<` stands an alias of a mapping, or a list of such.";
    this.#fail("yaml-alias", "Only mappings can be merged", hint, offset);
    return [];
  }

  #alias(alias: Alias, depth: number): Resolved {
    const name = `*${alias.source.slice(0, 80)}`;
    const fail = (message: string, hint: string) => {
      this.#fail("yaml-alias", `The alias ${name} ${message}`, hint, offsetOf(alias));
      return nothing;
    };
    const target = this.#anchors.get(alias.source);
    if (target === undefined)
      return fail("refers to nothing before it", "Put it in quotes if it is a text.");
    const resolved = this.#done.get(target);
    if (resolved === undefined)
      return fail("refers to what it is itself a part of", "Write out what is meant.");
    if (depth + resolved.height > limits.depth + 1)
      return fail(
        `leads deeper than ${limits.depth} levels`,
        "A policy needs a dozen. Write the repeated part out.",
      );
    const isTold = this.#growth.bytesLeft < 0;
    this.#growth.bytesLeft -= resolved.size;
    if (this.#growth.bytesLeft < 0) {
      this.failures++;
      if (isTold) return nothing;
      return fail(
        `makes the file larger than ${limits.fileBytes} bytes, if it is written out`,
        "Write the repeated part out, in several files.",
      );
    }
    this.targets.set(alias, target);
    return resolved;
  }

  #fail(code: ErrorCode, message: string, hint: string, offset: number): undefined {
    this.failures++;
    this.#report(code, message, hint, offset);
  }
}

function keyText({ value }: Scalar): string {
  return String(value);
}

/** https://yaml.org/type/merge.html */
function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === "PLAIN" && key.value === "<<";
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}

/** As an own property, whatever its name: `__proto__` must remain a name. */
function put(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name in object)
    Object.defineProperty(object, name, {
      ...{ value, writable: true, enumerable: true, configurable: true },
    });
  else object[name] = value;
}

/** Characters of a node in the text. */
function lengthOf(node: unknown): number {
  const [start, end] = (isNode(node) && node.range) || [0, 0];
  return end - start;
}

const pairsOfMaps = new WeakMap<object, ReadonlyMap<string, Pair>>();

/** The pair of a map with this key, or undefined. Visits each map once, because they may be large. */
export function findPair(node: unknown, key: string): Pair | undefined {
  if (!isMap(node)) return undefined;
  let pairs = pairsOfMaps.get(node);
  if (!pairs) {
    pairs = new Map(node.items.map((pair) => [isScalar(pair.key) ? keyText(pair.key) : "", pair]));
    pairsOfMaps.set(node, pairs);
  }
  return pairs.get(key);
}

export function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
