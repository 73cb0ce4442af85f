// SPDX-License-Identifier: Apache-2.0
// The cost of the programs in guest instructions: e2e/vm --icount -- node bpf/test/cost.ts
// The guest's clock then counts instructions, one per nanosecond.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { allFeatures } from "../../packages/sensor/src/link/features.ts";
import { createGuard } from "./guard.ts";
import type { Slot, TestRule } from "./tables.ts";

const scenes = "/gander/bpf/build/test/scenes";
mkdirSync("/tmp/dir", { recursive: true });
const file = "/tmp/dir/a-file";
writeFileSync(file, "x");

const time = (...args: string[]): number =>
  Number(execFileSync(scenes, args, { encoding: "utf8" }));
// a disturbance only ever adds
const measure = (...args: string[]): number => Math.min(...[1, 2, 3].map(() => time(...args)));

measure("time-calls", "read", "2000", file); // warm
const bare = {
  read: measure("time-calls", "read", "2000", file),
  write: measure("time-calls", "write", "2000", file),
  getpid: measure("time-calls", "getpid", "5000"),
  exec: measure("time-exec", "100", scenes, "nothing"),
};
const guard = createGuard({ kinds: ["fentry", "lsm", "raw_tp", "kprobe"] });
const { tables } = guard;
const results: Record<string, number> = {};
const note = (name: string, value: number) => {
  results[name] = value;
  console.log(`${String(value).padStart(7)}  ${name}`);
};
console.log(`bare: ${JSON.stringify(bare)}`);
note(
  "read, no policy: the lifecycle's programs alone",
  measure("time-calls", "read", "2000", file) - bare.read,
);
note("exec + exit, no policy", measure("time-exec", "100", scenes, "nothing") - bare.exec);
// The total differs by a thousand between runs of one tree; the kernel's own count of each program does not.
for (const [name, cost] of programsDuring(() => time("time-exec", "400", scenes, "nothing")))
  note(`… of it ${name}`, cost);

// Processes of new pods (hold.bpf.h): elsewhere, and in a cgroup that is marked.
const execCost = () =>
  programsDuring(() => time("time-exec", "400", scenes, "nothing")).find(
    ([name]) => name === "process__exec",
  )?.[1] ?? Number.NaN;
tables.write("config", 0, { flags: tables.constant("CONFIG_EARLY") });
note("process__exec, new pods are observed or held, not this one", execCost());
const own = readFileSync("/proc/self/cgroup", "utf8").trim().split("::")[1];
const { ino } = statSync(`/sys/fs/cgroup${own}`, { bigint: true });
const key = new Uint8Array(BigUint64Array.of(ino).buffer);
tables.put("early", key, new Uint8Array(Uint16Array.of(tables.constant("EARLY_MARK"), 0).buffer));
note("process__exec, in a new pod that is observed", execCost());
const kept = tables.constant("CONFIG_PARENTS") | tables.constant("CONFIG_PRIVILEGES");
tables.write("config", 0, { flags: kept });
for (const [name, cost] of programsDuring(() => time("time-exec", "400", scenes, "nothing")))
  note(`${name}, parents and privileges are kept`, cost);
tables.write("config", 0, { flags: 0 });

/** Instructions per run of each lifecycle program that ran, from the kernel (kernel.bpf_stats_enabled). */
function programsDuring(during: () => void): [string, number][] {
  type Program = { name: string; run_time_ns?: number; run_cnt?: number };
  const list = (): Program[] =>
    JSON.parse(execFileSync("bpftool", ["--json", "prog", "show"], { encoding: "utf8" }));
  writeFileSync("/proc/sys/kernel/bpf_stats_enabled", "1");
  const before = new Map(list().map((program) => [program.name, program]));
  during();
  const after = list();
  writeFileSync("/proc/sys/kernel/bpf_stats_enabled", "0");
  return ["process__exec", "process__fork", "process__exit"].map((name) => {
    const [from, to] = [before.get(name), after.find((program) => program.name === name)];
    const runs = (to?.run_cnt ?? 0) - (from?.run_cnt ?? 0);
    return [name, Math.round(((to?.run_time_ns ?? 0) - (from?.run_time_ns ?? 0)) / runs)];
  });
}

const slots: Slot[] = [
  { type: "VALUE_FILE", raw: 0 },
  { type: "VALUE_S32", raw: 1 },
];
const reads = { op: "ROW_EQUAL", slot: 1, values: [4] };
const prefix = (set: number, text: string) =>
  tables.put("prefix_set", { bits: 32 + 8 * text.length, set, text });
let nextId = 1;

/** `count` rules: `mode` is the number that they match, `path` the prefix. */
function rules(
  count: number,
  mode: number,
  path: string,
  actions: readonly string[] = [],
): TestRule[] {
  return Array.from({ length: count }, (_, i) => {
    const set = nextId++;
    prefix(set, count > 1 ? `${path}${i}` : path);
    return {
      id: set,
      args: [0, 1],
      selectors: [
        {
          filters: [
            { ...reads, values: [mode] },
            { op: "ROW_STR_PREFIX", slot: 0, set },
          ],
          verdict: { actions, counter: 1 },
        },
      ],
    };
  });
}

/** As the sensor would load the programs: with what the rules here use. */
const lacks = (...used: readonly string[]) =>
  used.reduce((left, name) => left & ~tables.constant(name), allFeatures);

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
let nextIndex = 1; // bit sets are reused

/** The index that the linker would make from `rules(count, mode, path)`. */
function index(count: number, mode: number, path: string) {
  const key = nextIndex++;
  const all = Array.from({ length: 16 }, (_, i) =>
    count >= 64 * (i + 1)
      ? 0xffffffffffffffffn
      : count > 64 * i
        ? (1n << BigInt(count - 64 * i)) - 1n
        : 0n,
  );
  const base = (key % 5) * 150 + 1;
  tables.write("bitsets", base, { bits: Array(16).fill(0n) });
  tables.write("bitsets", base + 1, { bits: all });
  tables.put("index_int", { index: key, value: BigInt(mode) }, u32(base + 1));
  tables.list(key, BigInt(mode));
  for (let i = 0; i < count; i++) {
    const bits = Array(16).fill(0n);
    bits[i >> 6] = 1n << BigInt(i & 63);
    tables.write("bitsets", base + 2 + i, { bits });
    const text = count > 1 ? `${path}${i}` : path;
    tables.put("index_text", { bits: 32 + 8 * text.length, index: key, text }, u32(base + 2 + i));
  }
  return {
    index: key,
    flags: tables.constant("HOOK_LISTED_NUMBERS"),
    index_int: 1,
    index_text: 0,
    int_default: base,
    text_default: base,
    text_rules: all,
  };
}

for (const kind of ["lsm", "fentry"] as const) {
  const target = kind === "lsm" ? "file_permission" : "security_file_permission";
  const id = kind === "lsm" ? 2 : 1;
  using _link = guard.attach({
    ...{ id, kind, target, nargs: 2 },
    lacks: lacks("FEATURE_TEXTS", "FEATURE_PATHS"),
  });
  const read = () => measure("time-calls", "read", "2000", file) - bare.read;
  note(`${kind}: no policy here`, read());
  for (const count of [1, 100]) {
    tables.guard(id, rules(count, 2, "/nowhere/"), { slots });
    if (count < 100) note(`${kind}: ${count} filtered by number, rows`, read());
    tables.guard(id, rules(count, 2, "/nowhere/"), { slots, index: index(count, 2, "/nowhere/") });
    note(`${kind}: ${count} filtered by number, index`, read());
    tables.guard(id, rules(count, 4, "/nowhere/"), { slots });
    if (count < 100) note(`${kind}: ${count} filtered by path, rows`, read());
    tables.guard(id, rules(count, 4, "/nowhere/"), { slots, index: index(count, 4, "/nowhere/") });
    note(`${kind}: ${count} filtered by path, index`, read());
  }
  tables.write("config", 0, { flags: tables.constant("CONFIG_PATH_CACHE") });
  using _free = guard.attachFileFree();
  tables.guard(id, rules(10, 4, "/nowhere/"), {
    slots,
    index: {
      ...index(10, 4, "/nowhere/"),
      flags: tables.constant("HOOK_CACHE_PATHS") | tables.constant("HOOK_LISTED_NUMBERS"),
    },
  });
  note(`${kind}: 10 filtered by path, remembered`, read());
  tables.write("config", 0, { flags: 0 });
  tables.guard(id, rules(1, 4, "/tmp/", ["ACTION_POST"]), { slots });
  guard.drain();
  note(`${kind}: matched and posted`, measure("time-calls", "read", "500", file) - bare.read);
  tables.guard(id, [], { slots });
}

// A selector that counts: below its number, and (of calls that are all too long ago) the 100th.
{
  using _link = guard.attach({
    ...{ id: 4, kind: "fentry", target: "security_file_permission", nargs: 2 },
    lacks: lacks("FEATURE_TALLIES"),
  });
  const counting = (condition: number, tally: readonly (bigint | number)[]): TestRule => ({
    ...{ id: nextId++, args: [] },
    selectors: [
      {
        filters: [
          { ...reads, values: [4] },
          ...(tally.length > 0
            ? [{ op: "ROW_TALLY", slot: 0, values: [...tally, condition] }]
            : [{ ...reads, values: [5] }]),
        ],
        verdict: { actions: [], counter: 1 },
      },
    ],
  });
  const read = () => measure("time-calls", "read", "2000", file) - bare.read;
  tables.guard(4, [counting(0, [])], { slots });
  note("fentry: two numbers, rows", read());
  tables.guard(4, [counting(2, [100, 0])], { slots });
  note("fentry: a number and a count by process, rows", read());
  tables.guard(4, [counting(3, [100, 0])], { slots });
  note("fentry: a number and a count by container, rows", read());
  tables.guard(4, [], { slots });
}

{
  using _link = guard.attach({
    ...{ id: 3, kind: "raw_tp", target: "sys_enter", nargs: 2 },
    lacks: lacks(),
  });
  note("raw_tp sys_enter: no policy here", measure("time-calls", "getpid", "5000") - bare.getpid);
  const rule = {
    id: 9,
    args: [],
    selectors: [
      {
        filters: [{ op: "ROW_EQUAL", slot: 0, values: [1000] }],
        verdict: { actions: [], counter: 2 },
      },
    ],
  };
  tables.guard(3, [rule], { slots: [{ type: "VALUE_U64", raw: 1 }] });
  const getpid = () => measure("time-calls", "getpid", "5000") - bare.getpid;
  note("raw_tp sys_enter: filtered by number, rows", getpid());
  tables.guard(3, [rule], {
    slots: [{ type: "VALUE_U64", raw: 1 }],
    index: { ...index(1, 1000, "/"), index_int: 0, index_text: tables.constant("NO_SLOT") },
  });
  note("raw_tp sys_enter: filtered by number, index", getpid());
}
// This process's cgroup in a group of its own: in the tables themselves, and in pages that were added to them.
{
  using _link = guard.attach({
    ...{ id: 1, kind: "fentry", target: "security_file_permission", nargs: 2 },
    lacks: lacks("FEATURE_TEXTS", "FEATURE_PATHS"),
  });
  const nothing = Array.from({ length: tables.constant("MAX_HOOKS") }, () => 0);
  const { GROUPS_PAGE = 0, APPLICATIONS_PAGE = 0 } = tables.constants;
  const places = new BigUint64Array(guard.map("cgroup_places").memory().buffer);
  const [shift, taken] = ["PLACE_CGROUP_SHIFT", "PLACE_TAKEN"].map((name) =>
    BigInt(tables.constant(name)),
  );
  tables.guard(1, rules(1, 2, "/nowhere/"), { slots, index: index(1, 2, "/nowhere/") });
  const [application = 0] = applicationsOf(0).slice(1);
  tables.copy("applications", application, APPLICATIONS_PAGE);
  tables.write("config", 0, { flags: tables.constant("CONFIG_CGROUPS") });
  for (const [where, group, own] of [
    ["the tables", 1, application],
    ["pages", GROUPS_PAGE, APPLICATIONS_PAGE],
  ] as const) {
    tables.put("cgroups", key, u32(group));
    const count = BigInt(places.length);
    places[Number(ino % count)] = ((ino / count) << (shift ?? 0n)) | (taken ?? 0n) | BigInt(group);
    for (const [what, number] of [
      ["no policy here", 0],
      ["1 filtered by number, index", own],
    ] as const) {
      tables.write("groups", group, { application: nothing.with(1, number) });
      note(
        `fentry, group in ${where}: ${what}`,
        measure("time-calls", "read", "2000", file) - bare.read,
      );
    }
  }
  tables.write("config", 0, { flags: 0 });
}

/** Of a group, by hook. */
function applicationsOf(group: number): readonly number[] {
  return tables.read("groups", group).application as unknown as readonly number[];
}
console.log(JSON.stringify(results));
guard[Symbol.dispose]();
