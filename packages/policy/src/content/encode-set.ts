// SPDX-License-Identifier: Apache-2.0
import * as v from "valibot";
import type { ValueSet } from "../sets/check-value-set.ts";
import { digestOf } from "./digest.ts";

/** The form of a set that is sent to sensors, identified by its digest. */
export type EncodedSet = {
  /** Canonical JSON, in UTF-8. */
  readonly bytes: Uint8Array;
  /** Of the bytes, as text. */
  readonly digest: string;
};

const setContent = v.strictObject({ values: v.array(v.string()) });

/** Encodes a set without its name: equal values give the same bytes, in whatever order they are. */
export function encodeSet({ values }: Pick<ValueSet, "values">): EncodedSet {
  const bytes = Buffer.from(JSON.stringify({ values: [...new Set(values)].sort() }));
  return { bytes, digest: digestOf(bytes) };
}

/** Decodes the output of `encodeSet`; undefined: it is none. Never throws. */
export function decodeSet(bytes: Uint8Array): Pick<ValueSet, "values"> | undefined {
  try {
    const { success, output } = v.safeParse(setContent, JSON.parse(utf8.decode(bytes)));
    return success ? output : undefined;
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
