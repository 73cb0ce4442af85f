// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import type { RecordLayouts, StructLayout } from "./record-layouts.ts";

const scalars: Readonly<Record<string, number>> = {
  __u8: 1,
  __s8: 1,
  char: 1,
  __u16: 2,
  __s16: 2,
  __u32: 4,
  __s32: 4,
  __u64: 8,
  __s64: 8,
};

type Known = StructLayout & { readonly align: number };

/**
 * Layouts computed from the text of bpf/records.h, by the rules of the C ABI on 64-bit machines: for tests,
 * which have no object with BTF. The kernel tests compare them with the BTF.
 */
export function headerLayouts(): RecordLayouts {
  const header = readFileSync(new URL("../../../../bpf/records.h", import.meta.url), "utf8");
  const code = header.replace(/\/\*[\s\S]*?\*\//g, "");
  const constants = new Map(
    [...code.matchAll(/(\w+)\s*=\s*(\d+)/g)].map(([, name = "", value]) => [name, Number(value)]),
  );
  const structs = new Map<string, Known>();
  for (const [, name = "", body = ""] of code.matchAll(/struct (\w+) \{([^}]*)\};/g))
    structs.set(name, layOut(body, structs, constants));
  return (name) => {
    const known = structs.get(name);
    if (known === undefined) throw new Error(`records.h has no struct ${name}`);
    return known;
  };
}

function layOut(
  body: string,
  structs: ReadonlyMap<string, Known>,
  constants: ReadonlyMap<string, number>,
): Known {
  const offsets: Record<string, number> = {};
  let size = 0;
  let align = 1;
  for (const declaration of body.split(";")) {
    const match = /^\s*(?:struct )?(\w+)\s+([\s\S]+)$/.exec(declaration);
    if (match === null) continue;
    const [, type = "", names = ""] = match;
    const nested = structs.get(type);
    const unit = nested?.size ?? scalars[type];
    if (unit === undefined) throw new Error(`records.h: unknown type ${type}`);
    const unitAlign = nested?.align ?? unit;
    for (const part of names.split(",")) {
      const [, name = "", count] = /^\s*(\w+)\s*(?:\[(\w+)\])?\s*$/.exec(part) ?? [];
      size = Math.ceil(size / unitAlign) * unitAlign;
      offsets[name] = size;
      size += unit * (count === undefined ? 1 : (constants.get(count) ?? Number(count)));
      align = Math.max(align, unitAlign);
    }
  }
  return { size: Math.ceil(size / align) * align, align, offsets };
}
