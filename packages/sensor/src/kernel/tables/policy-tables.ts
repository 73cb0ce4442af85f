// SPDX-License-Identifier: Apache-2.0
import type { BpfMap } from "@gander/libbpf";
import type { EventBudget, Fuse } from "@gander/policy";
import { limits } from "../../link/abi.gen.ts";
import {
  type SelectorCounter,
  type SelectorCounters,
  selectorCounterTable,
} from "../../link/counter-table.ts";
import type { LinkedTables } from "../../link/linked-tables.ts";
import type { SetContent } from "../../link/set-interner.ts";
import { type PagedTable, pagedTables } from "../pins/page-pins.ts";
import { createCacheKeys } from "./cache-keys.ts";
import { createFuses, type FuseState } from "./fuses.ts";
import { createIndexEntries } from "./index-entries.ts";
import { PagedMemory, type PageStore } from "./paged-memory.ts";
import {
  createSetEncoder,
  createSetIdReader,
  type SetEntry,
  type SetMap,
  setMaps,
} from "./set-entries.ts";
import { halvesOf, type Side, type SidedMemory, type TableMemory } from "./sided-memory.ts";
import { fieldOf, type StructLayouts } from "./struct-layouts.ts";
import { createTableWriter, type SidedTable, sidedTables } from "./table-writer.ts";

/** The maps that hold the policies and their counts. */
export interface PolicyTables {
  activeSide(): Side;
  activate(side: Side): void;
  write(side: Side, tables: LinkedTables): void;
  releaseUnused(): Promise<void>;
  copyGroup(from: number, to: number): void;
  calls(side: Side, application: number): bigint;
  unevaluated(side: Side, application: number): bigint;
  count(index: number): SelectorCounters;
  clearCount(index: number): void;
  setBudget(index: number, budget: EventBudget | undefined): void;
  setFuse(index: number, fuse: Fuse | undefined, state: "armed" | "blown"): void;
  fuse(index: number): FuseState;
  addSet(id: number, content: SetContent): void;
  removeSetsBut(ids: ReadonlySet<number>): void;
  highestSetId(): number;
}

type TableMap =
  | SidedTable
  | (typeof pagedTables)[PagedTable]
  | "config"
  | "counts"
  | "budgets"
  | "fuses"
  | "index_int"
  | "index_text"
  | "index_addr"
  | "listed"
  | SetMap;
export const tableMaps: readonly TableMap[] = [
  ...sidedTables,
  ...Object.values(pagedTables),
  "config",
  "counts",
  "budgets",
  "fuses",
  "index_int",
  "index_text",
  "index_addr",
  "listed",
  ...setMaps,
];

/** Elements of one side in a table that does not grow. */
const halves: Readonly<Record<Exclude<SidedTable, PagedTable>, number>> = {
  hooks: limits.MAX_HOOKS,
  rules: limits.MAX_RULES,
  rows: limits.MAX_ROWS,
  verdicts: limits.MAX_VERDICTS,
  bitsets: limits.MAX_BITSETS,
  bounds: limits.MAX_BOUNDS,
  routes: limits.MAX_ROUTES,
  assignments: limits.MAX_ASSIGNMENTS,
};

export function createPolicyTables(
  map: (name: TableMap) => BpfMap,
  pagesOf: (table: PagedTable) => PageStore,
  layouts: StructLayouts,
): PolicyTables {
  const memory = (name: SidedTable | "config" | "counts" | "budgets" | "fuses"): TableMemory => {
    const { buffer, stride } = map(name).memory();
    return { buffer, stride };
  };
  const groups = new PagedMemory(pagesOf("groups"), limits.GROUPS_PAGE);
  const applications = new PagedMemory(pagesOf("applications"), limits.APPLICATIONS_PAGE);
  const fixed = Object.entries(halves).map(([name, half]) => [
    name,
    halvesOf(memory(name as keyof typeof halves), half),
  ]);
  const sided: Record<SidedTable, SidedMemory> = {
    ...(Object.fromEntries(fixed) as Record<keyof typeof halves, SidedMemory>),
    ...{ groups, applications },
  };
  /** Of the tables that were written last. */
  let used: Readonly<Record<PagedTable, number>> = {
    groups: limits.MAX_GROUPS,
    applications: limits.MAX_APPLICATIONS,
  };
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
      used = { groups: tables.groups.length, applications: tables.applications.length };
      groups.reserve(used.groups);
      applications.reserve(used.applications);
      writeTables(side, tables, takeCacheKeys(tables.hooks));
      index.write(side, tables.hooks);
    },
    async releaseUnused() {
      await groups.release(used.groups);
      await applications.release(used.applications);
    },
    copyGroup(from, to) {
      const side = Atomics.load(config, sideAt) === 0 ? 0 : 1;
      const [source, target] = [groups.place(side, from), groups.place(side, to)];
      const { size } = layouts("group");
      const bytes = new Uint8Array(source.view.buffer, source.at, size);
      new Uint8Array(target.view.buffer, target.at, size).set(bytes);
    },
    calls: createCallReader(applications, layouts),
    unevaluated: createUnevaluatedReader(applications, layouts),
    ...createCounts(memory("counts"), layouts),
    setBudget: createBudgets(memory("budgets"), layouts),
    ...createFuses(memory("fuses"), layouts),
    ...createSets(map, layouts),
  };
}

function createCallReader(applications: SidedMemory, layouts: StructLayouts) {
  const { offset, size } = fieldOf(layouts("application"), "calls");
  const stripe = size / limits.CALL_STRIPES;
  return (side: Side, application: number): bigint => {
    const { view, at } = applications.place(side, application);
    let sum = 0n;
    for (let i = 0; i < limits.CALL_STRIPES; i++)
      sum += view.getBigUint64(at + offset + i * stripe, true);
    return sum;
  };
}

function createUnevaluatedReader(applications: SidedMemory, layouts: StructLayouts) {
  const { offset } = fieldOf(layouts("application"), "unevaluated");
  return (side: Side, application: number): bigint => {
    const { view, at } = applications.place(side, application);
    return view.getBigUint64(at + offset, true);
  };
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
