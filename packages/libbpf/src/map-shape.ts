// SPDX-License-Identifier: Apache-2.0
import type { MapType } from "./kernel-names.ts";
import { native } from "./native.ts";

/** What a map is; plain data, the same whether it is declared, created or found. */
export interface MapShape {
  readonly name: string;
  readonly type: MapType;
  /** Bytes of a key. */
  readonly keySize: number;
  /** Bytes of a value; of one CPU's value in a per-CPU map. */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_… bits. */
  readonly flags: number;
}

/** BPF_F_… bits of a map, of those that are used with libbpf. */
export const mapFlags = {
  noPrealloc: 1,
  readOnlyProgram: 1 << 7,
  writeOnlyProgram: 1 << 8,
  mmapable: 1 << 10,
} as const;

const perCpuTypes: ReadonlySet<string> = new Set([
  "percpu_hash",
  "percpu_array",
  "lru_percpu_hash",
  "percpu_cgroup_storage",
]);

/** Bytes that a lookup gives: one value, or one for each possible CPU. */
export function lookupSizeOf({ type, valueSize }: Pick<MapShape, "type" | "valueSize">): number {
  return perCpuTypes.has(type) ? Math.ceil(valueSize / 8) * 8 * native().possibleCpus() : valueSize;
}
