// SPDX-License-Identifier: Apache-2.0
import type { Network } from "@gander/policy";
import { type FileIdentity, fileText } from "./file-identity.ts";

/** Values that rows refer to by id; equal contents share an id while a side of the tables uses it. */
export type SetContent =
  | { readonly kind: "ints" /** As unsigned 64 bits. */; readonly values: readonly bigint[] }
  | { readonly kind: "strings" | "prefixes" | "postfixes"; readonly values: readonly string[] }
  | { readonly kind: "networks"; readonly networks: readonly Network[] }
  | { readonly kind: "files"; readonly files: readonly FileIdentity[] };

export interface SetInterner {
  /** Id of the set with this content, a new one if there is none. Order and repetition don't matter. */
  intern(content: SetContent): number;
  content(id: number): SetContent | undefined;
  /** Forgets all sets but these; ids are never reused. Call after the grace period. */
  keepOnly(ids: ReadonlySet<number>): void;
  entries(): IterableIterator<[number, SetContent]>;
}

/** @param known sets already in the kernel, by id; `firstId` is above all ids ever used there. */
export function createSetInterner(
  known: Iterable<readonly [number, SetContent]> = [],
  firstId = 1,
): SetInterner {
  const contents = new Map<number, SetContent>(known);
  const ids = new Map([...contents].map(([id, content]) => [keyOf(content), id]));
  let next = Math.max(firstId, ...[...contents.keys()].map((id) => id + 1));
  return {
    intern(content) {
      const key = keyOf(content);
      const found = ids.get(key);
      if (found !== undefined) return found;
      const id = next++;
      ids.set(key, id);
      contents.set(id, canonical(content));
      return id;
    },
    content: (id) => contents.get(id),
    keepOnly(kept) {
      for (const [id, content] of contents) {
        if (kept.has(id)) continue;
        contents.delete(id);
        ids.delete(keyOf(content));
      }
    },
    entries: () => contents.entries(),
  };
}

function canonical(content: SetContent): SetContent {
  switch (content.kind) {
    case "ints":
      return {
        kind: "ints",
        values: [...new Set(content.values)].sort((a, b) => (a < b ? -1 : 1)),
      };
    case "networks": {
      const byText = new Map(content.networks.map((network) => [networkText(network), network]));
      return { kind: "networks", networks: [...byText].sort(byKey).map(([, network]) => network) };
    }
    case "files": {
      const byText = new Map(content.files.map((file) => [fileText(file), file]));
      return { kind: "files", files: [...byText].sort(byKey).map(([, file]) => file) };
    }
    default:
      return { kind: content.kind, values: [...new Set(content.values)].sort() };
  }
}

/** By the list of members, which never changes. All policies are linked at each change. */
const texts = new WeakMap<object, string>();

function keyOf(content: SetContent): string {
  const members = membersOf(content);
  const known = texts.get(members);
  if (known !== undefined) return `${content.kind}:${known}`;
  const text = JSON.stringify(memberTexts(canonical(content)));
  texts.set(members, text);
  return `${content.kind}:${text}`;
}

function membersOf(content: SetContent): readonly unknown[] {
  if (content.kind === "networks") return content.networks;
  return content.kind === "files" ? content.files : content.values;
}

function memberTexts(content: SetContent): readonly string[] {
  if (content.kind === "networks") return content.networks.map(networkText);
  return content.kind === "files" ? content.files.map(fileText) : content.values.map(String);
}

function networkText(network: Network): string {
  return `${network.family}/${network.address}/${network.prefixLength}`;
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
