// SPDX-License-Identifier: Apache-2.0
import type { NamespaceName } from "@gander/policy";
import { namespaceKind } from "./abi.gen.ts";

/** The language's namespace names and numbers in `enum namespace_kind`; no name is spelled twice. */
export const namespaceKinds: Readonly<Record<NamespaceName, number>> = Object.fromEntries(
  Object.entries(namespaceKind).map(([name, kind]) => [word(name), kind]),
) as Record<Word, number>;

/** In the order in which records hold their ids. */
export const namespaceNames = Object.keys(namespaceKind).map(word);

type Word = WordOf<keyof typeof namespaceKind>;
type WordOf<Name> = Name extends `NS_${infer Rest}` ? Lowercase<Rest> : never;

function word(name: string): Word {
  return name.slice("NS_".length).toLowerCase() as Word;
}
