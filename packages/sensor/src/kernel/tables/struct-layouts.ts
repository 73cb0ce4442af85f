// SPDX-License-Identifier: Apache-2.0
import { type Btf, fieldsOfType, findType, sizeOfType } from "@gander/libbpf";

type StructField = {
  readonly offset: number;
  /** Bytes; of an array: the whole. */
  readonly size: number;
};

/** The positions of a struct's fields, in bytes from its start; nested structs and arrays are one field. */
export type StructLayout = {
  readonly size: number;
  readonly fields: Readonly<Record<string, StructField>>;
  /** The same, without sizes. */
  readonly offsets: Readonly<Record<string, number>>;
};

/** Returns the layout of a struct of bpf/abi.h or bpf/records.h; throws if there is none of that name. */
export type StructLayouts = (struct: string) => StructLayout;

/** The C structs are the only definition: their layouts come from the BTF of the object in use. */
export function createStructLayouts(btf: Btf): StructLayouts {
  const known = new Map<string, StructLayout>();
  return (struct) => {
    const found = known.get(struct);
    if (found !== undefined) return found;
    const id = findType(btf, "struct", struct);
    if (id === undefined) throw new Error(`the BPF object has no struct ${struct}`);
    const all = fieldsOfType(btf, id);
    const layout = {
      size: sizeOfType(btf, id),
      fields: Object.fromEntries(all.map(({ path, offset, size }) => [path, { offset, size }])),
      offsets: Object.fromEntries(all.map(({ path, offset }) => [path, offset])),
    };
    known.set(struct, layout);
    return layout;
  };
}

export function fieldOf(layout: StructLayout, name: string): StructField {
  const field = layout.fields[name];
  if (field === undefined) throw new Error(`a struct of the BPF object has no field ${name}`);
  return field;
}

/** Writes the named fields of a struct; others stay. Positions are looked up once: writing only stores. */
export type StructWriter<Field extends string> = (
  view: DataView,
  at: number,
  values: Readonly<Record<Field, number | bigint>>,
) => void;

export function createStructWriter<Field extends string>(
  layout: StructLayout,
  ...names: readonly Field[]
): StructWriter<Field> {
  const fields = names.map((name) => ({ name, ...fieldOf(layout, name) }));
  return (view, at, values) => {
    for (const { name, offset, size } of fields) store(view, at + offset, size, values[name]);
  };
}

function store(view: DataView, at: number, size: number, value: number | bigint): void {
  if (size === 1) view.setUint8(at, Number(value));
  else if (size === 2) view.setUint16(at, Number(value), true);
  else if (size === 4) view.setUint32(at, Number(value), true);
  else if (size === 8) view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
  else throw new Error(`a field of ${size} bytes is no number`);
}
