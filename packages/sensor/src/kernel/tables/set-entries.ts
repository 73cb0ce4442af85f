// SPDX-License-Identifier: Apache-2.0

import { limits } from "../../link/abi.gen.ts";
import type { SetContent } from "../../link/set-interner.ts";
import { createStructWriter, fieldOf, type StructLayouts } from "./struct-layouts.ts";

/** Maps that hold sets; each key starts with or contains the id of its set. */
export const setMaps = [
  "int_set",
  "str_set_64",
  "str_set_256",
  "str_set_4k",
  "prefix_set",
  "addr_set",
  "file_set",
] as const;
export type SetMap = (typeof setMaps)[number];

export type SetEntry = { readonly map: SetMap; readonly key: Uint8Array };

/** The entries of set `id` in the kernel's maps. */
type SetEncoder = (id: number, content: SetContent) => SetEntry[];

/** The id of the set that a key of the map belongs to. */
type SetIdReader = (map: SetMap, key: Uint8Array) => number;

const structs: Readonly<Record<SetMap, string>> = {
  int_set: "int_key",
  str_set_64: "str_key_64",
  str_set_256: "str_key_256",
  str_set_4k: "str_key_4k",
  prefix_set: "prefix_key",
  addr_set: "addr_key",
  file_set: "file_key",
};

const textMaps = ["str_set_64", "str_set_256", "str_set_4k"] as const;
/** AF_INET, AF_INET6 */
export const familyNumbers = { 4: 2, 6: 10 } as const;

export function createSetEncoder(layouts: StructLayouts): SetEncoder {
  const key = (map: SetMap) => {
    const bytes = new Uint8Array(layouts(structs[map]).size);
    return { map, bytes, view: new DataView(bytes.buffer) };
  };
  const writeInt = createStructWriter(layouts(structs.int_set), "set", "value");
  const writeText = createStructWriter(layouts(structs.str_set_64), "set", "length");
  const writePrefix = createStructWriter(layouts(structs.prefix_set), "set", "bits");
  const writeAddress = createStructWriter(layouts(structs.addr_set), "set", "bits", "family");
  const writeFile = createStructWriter(
    layouts(structs.file_set),
    "set",
    "device",
    "inode",
    "generation",
  );
  const prefixText = fieldOf(layouts(structs.prefix_set), "text");
  const address = fieldOf(layouts(structs.addr_set), "addr");

  const texts = textMaps.map((map) => ({ map, text: fieldOf(layouts(structs[map]), "text") }));
  const textEntry = (set: number, value: string): SetEntry => {
    const text = Buffer.from(value);
    const fitting = texts.find((one) => text.length <= one.text.size);
    if (fitting === undefined) throw new RangeError("a text is longer than a path can be");
    const { map, bytes, view } = key(fitting.map);
    writeText(view, 0, { set, length: text.length });
    bytes.set(text, fitting.text.offset);
    return { map, key: bytes };
  };
  const prefixEntry = (set: number, text: Uint8Array): SetEntry => {
    if (text.length > limits.PREFIX_SIZE)
      throw new RangeError(`a prefix is longer than ${limits.PREFIX_SIZE} bytes`);
    const { map, bytes, view } = key("prefix_set");
    writePrefix(view, 0, { set, bits: 32 + 8 * text.length });
    bytes.set(text, prefixText.offset);
    return { map, key: bytes };
  };
  return (set, content) => {
    switch (content.kind) {
      case "ints":
        return content.values.map((value) => {
          const { map, bytes, view } = key("int_set");
          writeInt(view, 0, { set, value });
          return { map, key: bytes };
        });
      case "files":
        return content.files.map((file) => {
          const { map, bytes, view } = key("file_set");
          writeFile(view, 0, { set, ...file });
          return { map, key: bytes };
        });
      case "strings":
        return content.values.map((value) => textEntry(set, value));
      case "prefixes":
        return content.values.map((value) => prefixEntry(set, Buffer.from(value)));
      case "postfixes":
        return content.values.map((value) => prefixEntry(set, Buffer.from(value).reverse()));
      case "networks":
        return content.networks.map((network) => {
          const { map, bytes, view } = key("addr_set");
          writeAddress(view, 0, {
            set,
            bits: 64 + network.prefixLength,
            family: familyNumbers[network.family],
          });
          bytes.set(Buffer.from(network.address, "hex"), address.offset);
          return { map, key: bytes };
        });
    }
  };
}

export function createSetIdReader(layouts: StructLayouts): SetIdReader {
  const at = new Map(setMaps.map((map) => [map, fieldOf(layouts(structs[map]), "set").offset]));
  return (map, key) =>
    new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(at.get(map) ?? 0, true);
}
