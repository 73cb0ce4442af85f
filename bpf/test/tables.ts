// SPDX-License-Identifier: Apache-2.0
import {
  BpfMap,
  type Btf,
  type CValue,
  findType,
  type MapMemory,
  readValue,
  typeById,
  writeValue,
} from "../../packages/libbpf/src/index.ts";

type Fields = { readonly [name: string]: CValue };

/** The tables of abi.h, written by hand: one or several rules per hook, in side 0. */
export interface Tables {
  /** All enumerators of the object, by name. */
  readonly constants: Readonly<Record<string, number>>;
  constant(name: string): number;
  write(table: string, index: number, fields: Fields): void;
  read(table: string, index: number): { [member: string]: number | bigint };
  /** Copies an element of `groups` or `applications`; what is beyond the table gets a page. */
  copy(table: GrowingTable, from: number, to: number): void;
  /** Adds an entry to a map of sets or another hash. */
  put(map: string, key: Fields | Uint8Array, value?: Uint8Array): void;
  /** Marks a number of an index as listed. */
  list(index: number, value: bigint): void;
  /** Replaces the hook's rules by `rules`, in force at once. */
  guard(hook: number, rules: readonly TestRule[], options?: GuardRules): void;
  close(): void;
}

export interface Slot {
  readonly type: string;
  readonly raw?: number;
  readonly size_raw?: number;
  readonly size?: number;
  readonly flags?: number;
  readonly route?: number;
}

export interface Filter {
  readonly op: string;
  readonly slot?: number;
  readonly flags?: number;
  readonly set?: number;
  readonly values?: readonly (bigint | number)[];
}

export interface Verdict {
  readonly actions: readonly string[];
  readonly error?: number;
  readonly signal?: number;
  readonly counter: number;
  readonly rate_scope?: number;
  readonly rate_window_ns?: bigint;
  readonly mark?: bigint;
  readonly nassignments?: number;
}

export interface TestRule {
  readonly id: number;
  readonly flags?: number;
  readonly args?: readonly number[];
  readonly returnSlot?: number;
  readonly policy?: number;
  readonly selectors: readonly { readonly filters: readonly Filter[]; readonly verdict: Verdict }[];
}

export interface GuardRules {
  readonly slots: readonly Slot[];
  readonly enforces?: boolean;
  readonly index?: Fields;
}

/** Element i of side 0 is at 2 * i, of which the first are in the table and all others in its pages. */
const growing = { groups: "group_pages", applications: "application_pages" } as const;
type GrowingTable = keyof typeof growing;

export function createTables(btf: Btf, map: (name: string) => BpfMap): Tables {
  const memories = new Map<string, MapMemory>();
  const constants = enumerators(btf);
  const next = { rows: 1, rules: 0, verdicts: 1, applications: 1 };
  const applications: number[] = [];

  function constant(name: string): number {
    const value = constants[name];
    if (value === undefined) throw new Error(`there is no ${name}`);
    return value;
  }

  function struct(table: string): number {
    const name = table === "config" ? "config" : table.replace(/s$/, "");
    const id = findType(btf, "struct", name);
    if (id === undefined) throw new Error(`there is no struct ${name}`);
    return id;
  }

  function bytes(table: string, index: number): Uint8Array {
    const known = memories.get(table) ?? map(table).memory();
    memories.set(table, known);
    const { maxEntries, valueSize } = map(table).shape;
    if (table !== "groups" && table !== "applications")
      return new Uint8Array(known.buffer, index * known.stride, valueSize);
    const page = Math.floor((2 * index) / maxEntries);
    const { buffer, stride } = page === 0 ? known : pageOf(table, page);
    return new Uint8Array(buffer, ((2 * index) % maxEntries) * stride, valueSize);
  }

  function pageOf(table: GrowingTable, number: number): MapMemory {
    const name = `${table} ${number}`;
    const known = memories.get(name);
    if (known !== undefined) return known;
    using page = BpfMap.create({ ...map(table).shape, name: "page" });
    map(growing[table]).setHandle(new Uint8Array(Uint32Array.of(number).buffer), page);
    const memory = page.memory();
    memories.set(name, memory);
    return memory;
  }

  function write(table: string, index: number, fields: Fields): void {
    writeValue(btf, struct(table), fields, bytes(table, index));
  }

  function addRule(rule: TestRule, at: number): void {
    const starts: number[] = [];
    let row = next.rows;
    for (const { filters } of rule.selectors) {
      starts.push(row);
      row += Math.max(1, filters.length);
    }
    rule.selectors.forEach(({ filters, verdict }, i) => {
      const verdictAt = next.verdicts++;
      write("verdicts", verdictAt, {
        error: 0,
        signal: 0,
        rate_scope: 0,
        rate_window_ns: 0n,
        mark: 0n,
        ...verdict,
        selector: i,
        actions: verdict.actions.reduce((all, name) => all | constant(name), 0),
      });
      const rows: readonly Filter[] = filters.length > 0 ? filters : [{ op: "ROW_ALWAYS" }];
      rows.forEach((filter, k) => {
        write("rows", next.rows++, {
          op: constant(filter.op),
          slot: filter.slot ?? 0,
          flags: (filter.flags ?? 0) | (k === rows.length - 1 ? constant("ROW_LAST") : 0),
          n: valueCount(filter),
          set: filter.set ?? 0,
          fail: starts[i + 1] ?? 0,
          verdict: verdictAt,
          values: [0, 1, 2, 3].map((v) => BigInt.asUintN(64, BigInt(filter.values?.[v] ?? 0))),
        });
      });
    });
    write("rules", at, {
      id: rule.id,
      first_row: starts[0] ?? 0,
      flags: rule.flags ?? 0,
      policy: rule.policy ?? 0,
      nargs: rule.args?.length ?? 0,
      args: Array.from({ length: 8 }, (_, i) => rule.args?.[i] ?? 0),
      return_slot: rule.returnSlot ?? constant("NO_SLOT"),
      socket_slot: constant("NO_SLOT"),
    });
  }

  const isDistant = ({ type, route }: Slot): boolean =>
    type === "VALUE_CAPABILITIES" || (!!route && /^VALUE_[US]\d+$/.test(type));

  function guard(hook: number, rules: readonly TestRule[], options?: GuardRules): void {
    const application = next.applications++;
    const first = next.rules;
    const words = Array.from({ length: constant("RULE_WORDS") }, () => 0n);
    let summary = 0n;
    rules.forEach((rule, i) => {
      addRule(rule, next.rules++);
      words[i >> 6] = (words[i >> 6] ?? 0n) | (1n << BigInt(i & 63));
      summary |= 1n << BigInt(i >> 6);
    });
    const slots = (options?.slots ?? []).map((slot) => ({
      raw: 0,
      size_raw: 0,
      size: 0,
      route: 0,
      ...slot,
      // Of a function's argument; the fields of a record have a size.
      ...(slot.route && !slot.size ? { raw: constant("RAW_ROUTE"), size: slot.raw ?? 0 } : {}),
      flags: (slot.flags ?? 0) | (isDistant(slot) ? constant("SLOT_DISTANT") : 0),
      type: constant(slot.type),
    }));
    const noSlot = constant("NO_SLOT");
    write("hooks", hook, {
      nslots: slots.length,
      index: 0,
      index_int: noSlot,
      index_text: noSlot,
      index_addr: noSlot,
      flags: 0,
      ...options?.index,
      first_rule: first,
      slots,
    });
    write("applications", application, {
      first_rule: first,
      flags: options?.enforces ? constant("APPLICATION_ENFORCES") : 0,
      summary,
      bits: words,
    });
    applications[hook] = application;
    write("groups", 0, {
      application: Array.from({ length: constant("MAX_HOOKS") }, (_, i) => applications[i] ?? 0),
    });
  }

  return {
    constants,
    constant,
    write,
    guard,
    read: (table, index) =>
      readValue(btf, struct(table), bytes(table, index)) as { [member: string]: number | bigint },
    put(name, key, value = Uint8Array.of(1)) {
      map(name).set(key instanceof Uint8Array ? key : keyBytes(btf, name, map(name), key), value);
    },
    copy: (table, from, to) => bytes(table, to).set(bytes(table, from)),
    list(index, value) {
      const bit = BigInt.asUintN(64, (value + (BigInt(index) << 32n)) * 0x9e3779b97f4a7c15n) >> 48n;
      const words = new BigUint64Array(map("listed").memory().buffer);
      words[Number(bit >> 6n)] = (words[Number(bit >> 6n)] ?? 0n) | (1n << (bit & 63n));
    },
    close() {
      for (const memory of memories.values()) memory.close();
    },
  };
}

function valueCount({ op, set, values = [] }: Filter): number {
  if (op === "ROW_RANGE") return values.length / 2;
  return set !== undefined && !/NAMESPACE|CAPABILITY/.test(op) ? 0 : values.length;
}

const keyStructs: Readonly<Record<string, string>> = {
  int_set: "int_key",
  str_set_64: "str_key_64",
  str_set_256: "str_key_256",
  str_set_4k: "str_key_4k",
  prefix_set: "prefix_key",
  addr_set: "addr_key",
  file_set: "file_key",
  index_int: "index_int_key",
  index_text: "index_text_key",
  index_addr: "index_addr_key",
};

function keyBytes(btf: Btf, name: string, map: BpfMap, fields: Fields): Uint8Array {
  const id = findType(btf, "struct", keyStructs[name] ?? "");
  if (id === undefined) throw new Error(`no key struct is known of ${name}`);
  const key = new Uint8Array(map.shape.keySize);
  writeValue(btf, id, fields, key);
  return key;
}

/** All enumerators of all enums. */
function enumerators(btf: Btf): Record<string, number> {
  const all: Record<string, number> = {};
  for (let id = 1; id < btf.firstId + btf.offsets.length; id++) {
    const type = typeById(btf, id);
    if (type.kind === "enum") for (const { name, value } of type.values) all[name] = Number(value);
  }
  return all;
}
