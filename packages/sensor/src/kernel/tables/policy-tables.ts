// SPDX-License-Identifier: Apache-2.0
import type { BpfMap } from "@gander/libbpf";
import type { EventBudget } from "@gander/policy";
import { limits } from "../../link/abi.gen.ts";
import {
  type SelectorCounter,
  type SelectorCounters,
  selectorCounterTable,
} from "../../link/counter-table.ts";
import type { LinkedTables } from "../../link/linked-tables.ts";
import type { SetContent } from "../../link/set-interner.ts";
import { createCacheKeys } from "./cache-keys.ts";
import { createIndexEntries } from "./index-entries.ts";
import {
  createSetEncoder,
  createSetIdReader,
  type SetEntry,
  type SetMap,
  setMaps,
} from "./set-entries.ts";
import { fieldOf, type StructLayouts } from "./struct-layouts.ts";
import {
  createTableWriter,
  type Side,
  type SidedTable,
  sidedTables,
  type TableMemory,
} from "./table-writer.ts";

/** The maps that hold the policies and their counts. */
export interface PolicyTables {
  activeSide(): Side;
  activate(side: Side): void;
  write(side: Side, tables: LinkedTables): void;
  copyGroup(from: number, to: number): void;
  calls(side: Side, application: number): bigint;
  unevaluated(side: Side, application: number): bigint;
  count(index: number): SelectorCounters;
  clearCount(index: number): void;
  setBudget(index: number, budget: EventBudget | undefined): void;
  addSet(id: number, content: SetContent): void;
  removeSetsBut(ids: ReadonlySet<number>): void;
  highestSetId(): number;
}

type TableMap =
  | SidedTable
  | "config"
  | "counts"
  | "budgets"
  | "index_int"
  | "index_text"
  | "index_addr"
  | "listed"
  | SetMap;
export const tableMaps: readonly TableMap[] = [
  ...sidedTables,
  "config",
  "counts",
  "budgets",
  "index_int",
  "index_text",
  "index_addr",
  "listed",
  ...setMaps,
];

export function createPolicyTables(
  map: (name: TableMap) => BpfMap,
  layouts: StructLayouts,
): PolicyTables {
  const memory = (name: SidedTable | "config" | "counts" | "budgets"): TableMemory => {
    const { buffer, stride } = map(name).memory();
    return { buffer, stride };
  };
  const sided = Object.fromEntries(sidedTables.map((name) => [name, memory(name)])) as Record<
    SidedTable,
    TableMemory
  >;
  const config = new Int32Array(memory("config").buffer);
  const sideAt = fieldOf(layouts("config"), "side").offset / 4;
  const takeCacheKeys = createCacheKeys({
    words: config,
    at: fieldOf(layouts("config"), "last_cache_key").offset / 4,
  });
  const writeTables = createTableWriter(sided, layouts);
  const index = createIndexEntries(
    {
      numbers: map("index_int"),
      texts: map("index_text"),
      networks: map("index_addr"),
      listed: new BigUint64Array(map("listed").memory().buffer),
    },
    layouts,
  );
  return {
    activeSide: () => (Atomics.load(config, sideAt) === 0 ? 0 : 1),
    activate: (side) => void Atomics.store(config, sideAt, side),
    write(side, tables) {
      writeTables(side, tables, takeCacheKeys(tables.hooks));
      index.write(side, tables.hooks);
    },
    copyGroup(from, to) {
      const { buffer, stride } = sided.groups;
      const first = Atomics.load(config, sideAt) * limits.MAX_GROUPS;
      const at = (first + from) * stride;
      new Uint8Array(buffer).copyWithin((first + to) * stride, at, at + stride);
    },
    calls: createCallReader(sided.applications, layouts),
    unevaluated: createUnevaluatedReader(sided.applications, layouts),
    ...createCounts(memory("counts"), layouts),
    setBudget: createBudgets(memory("budgets"), layouts),
    ...createSets(map, layouts),
  };
}

function createCallReader({ buffer, stride }: TableMemory, layouts: StructLayouts) {
  const words = new BigUint64Array(buffer);
  const { offset, size } = fieldOf(layouts("application"), "calls");
  const stripe = size / limits.CALL_STRIPES;
  return (side: Side, application: number): bigint => {
    const at = (side * limits.MAX_APPLICATIONS + application) * stride + offset;
    let sum = 0n;
    for (let i = 0; i < limits.CALL_STRIPES; i++) sum += words[(at + i * stripe) / 8] ?? 0n;
    return sum;
  };
}

function createUnevaluatedReader({ buffer, stride }: TableMemory, layouts: StructLayouts) {
  const words = new BigUint64Array(buffer);
  const { offset } = fieldOf(layouts("application"), "unevaluated");
  return (side: Side, application: number): bigint =>
    words[((side * limits.MAX_APPLICATIONS + application) * stride + offset) / 8] ?? 0n;
}

const larger = (a: bigint, b: bigint) => (a > b ? a : b);

function createCounts({ buffer, stride }: TableMemory, layouts: StructLayouts) {
  const words = new BigUint64Array(buffer);
  const layout = layouts("count");
  const rows = Object.entries<{ kernel: string; index?: number }>(selectorCounterTable).map(
    ([name, { kernel, index = 0 }]) => [name, fieldOf(layout, kernel).offset + index * 8] as const,
  );
  return {
    count: (index: number): SelectorCounters => {
      const counts = Object.fromEntries(
        rows.map(([name, offset]) => [name, words[(index * stride + offset) / 8] ?? 0n]),
      ) as Record<SelectorCounter, bigint>;
      const { killed, signalled, denied } = counts;
      // All calls of one selector end alike: the call of a killed process is denied as well.
      return { ...counts, enforced: larger(killed + signalled, denied) };
    },
    clearCount: (index: number) => void new Uint8Array(buffer, index * stride, layout.size).fill(0),
  };
}

function createBudgets({ buffer, stride }: TableMemory, layouts: StructLayouts) {
  const words = new BigUint64Array(buffer);
  const layout = layouts("budget");
  return (index: number, budget: EventBudget | undefined): void => {
    const set = (field: string, value: bigint): void => {
      words[(index * stride + fieldOf(layout, field).offset) / 8] = value;
    };
    // Whatever a policy with this index has used before.
    for (const field of ["limit", "used", "start"]) set(field, 0n);
    set("window_ns", BigInt(budget?.windowMs ?? 0) * 1_000_000n);
    set("limit", BigInt(budget?.events ?? 0));
  };
}

function createSets(map: (name: SetMap) => BpfMap, layouts: StructLayouts) {
  const encode = createSetEncoder(layouts);
  const idOf = createSetIdReader(layouts);
  /** Contents of sets with entries in the kernel; undefined: left by an earlier sensor. */
  const present = new Map<number, SetContent | undefined>();
  for (const name of setMaps)
    for (const key of map(name).keys()) present.set(idOf(name, key), undefined);
  const highest = Math.max(0, ...present.keys());
  const remove = (entries: Iterable<SetEntry>) => {
    for (const [name, keys] of keysByMap(entries)) map(name).deleteMany(keys);
  };
  function* leftEntries(ids: ReadonlySet<number>): Iterable<SetEntry> {
    for (const name of setMaps) {
      for (const key of [...map(name).keys()])
        if (ids.has(idOf(name, key))) yield { map: name, key };
    }
  }
  return {
    highestSetId: () => highest,
    addSet(id: number, content: SetContent) {
      if (present.get(id) !== undefined) return;
      present.set(id, content);
      for (const [name, keys] of keysByMap(encode(id, content))) {
        const count = keys.length / map(name).shape.keySize;
        map(name).updateMany(keys, new Uint8Array(count).fill(1));
      }
    },
    removeSetsBut(kept: ReadonlySet<number>) {
      const unknown = new Set<number>();
      for (const [id, content] of [...present]) {
        if (kept.has(id)) continue;
        present.delete(id);
        if (content === undefined) unknown.add(id);
        else remove(encode(id, content));
      }
      if (unknown.size > 0) remove(leftEntries(unknown));
    },
  };
}

/** The keys of each map in a row: one call writes or deletes all of them. */
function keysByMap(entries: Iterable<SetEntry>): [SetMap, Uint8Array][] {
  const byMap = Map.groupBy(entries, ({ map }) => map);
  return [...byMap].map(([name, of]) => [name, Buffer.concat(of.map(({ key }) => key))]);
}
