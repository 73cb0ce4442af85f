// SPDX-License-Identifier: Apache-2.0
// A program that lacks a feature which a row, a value or an action needs: the sensor never lets that happen. If it
// did, the safe side would decide, and a fault would be counted. So each feature's gate is where it has to be.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { feature, rowOp, valueType } from "../../packages/sensor/src/link/abi.gen.ts";
import {
  actionFeatures,
  allFeatures,
  featureNames,
  indexFeatures,
  opFeatures,
  typeFeatures,
} from "../../packages/sensor/src/link/features.ts";
import { createGuard, type Hook } from "./guard.ts";
import type { Filter, Slot, Verdict } from "./tables.ts";

const scenes = "/gander/bpf/build/test/scenes";
const file = "/tmp/truncated";
writeFileSync(file, "");
const guard = createGuard({ kinds: ["kprobe"] });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const flag = tables.constant;
let counter = 1;

const bits = Object.values(feature).filter((bit) => bit <= allFeatures);
const hook = (lacks: number): Hook => ({
  ...{ id: 1, kind: "kprobe", target: "__x64_sys_ftruncate", nargs: 6, flags: 1, lacks },
});
const truncate = () => {
  const fd = openSync(file, "r+");
  ftruncateSync(fd, 5);
  closeSync(fd);
};
const lacking = () => guard.faults().FAULT_FEATURE ?? 0;
const own: Filter = { op: "ROW_PID", values: [process.pid] };
const nameOf = (names: Readonly<Record<string, number>>, number: number) =>
  Object.keys(names).find((name) => names[name] === number) ?? "";

type Use = { readonly filter: Filter; readonly slots: readonly Slot[] };

/** The open file, a number, and whatever lies at a small address. */
const path: Slot = { type: "VALUE_FD", raw: 0 };
const distant = (type: string): Slot => ({ type, raw: 1, route: 1 });

const usesOfOp = (op: number, needed: number): Use => ({
  filter: { op: nameOf(rowOp, op), slot: 0, set: 1, values: [1, 1] },
  slots: [needed & feature.FEATURE_SOCKETS ? { type: "VALUE_SOCK", raw: 1 } : path],
});

const usesOfType = (type: string, needed: number): Use => {
  const op =
    needed & feature.FEATURE_TEXTS
      ? "ROW_STR_EQUAL"
      : needed & feature.FEATURE_SOCKETS
        ? "ROW_FAMILY"
        : "ROW_EQUAL";
  return { filter: { op, slot: 0, set: 1, values: [1] }, slots: [{ type, raw: 1 }] };
};

/** What rows and values need the feature. */
function usesOf(bit: number): Use[] {
  return [
    ...[...opFeatures].flatMap(([op, needed]) => (needed & bit ? usesOfOp(op, needed) : [])),
    ...[...typeFeatures].flatMap(([type, needed]) =>
      needed & bit ? usesOfType(nameOf(valueType, type), needed) : [],
    ),
    ...(bit === feature.FEATURE_ROUTES
      ? ["VALUE_U64", "VALUE_STRING", "VALUE_FILE", "VALUE_SOCK"].map((type) => {
          const { filter } = usesOfType(type, typeFeatures.get(flag(type)) ?? 0);
          return { filter, slots: [distant(type)] };
        })
      : []),
  ];
}

/** Which of four rows held: safe side "holds", the same negated, "fails", the same negated. */
function outcomes({ filter, slots }: Use): number[] {
  const holds = flag("ROW_UNKNOWN_HOLDS");
  const negate = flag("ROW_NEGATE");
  const first = counter;
  const rules = [holds, holds | negate, 0, negate].map((flags) => {
    const verdict = { actions: ["ACTION_POST"], counter: counter++ };
    return { id: 1, args: [0], selectors: [{ filters: [own, { ...filter, flags }], verdict }] };
  });
  tables.guard(1, rules, { slots });
  truncate();
  return rules.map((_, i) => Number(tables.read("counts", first + i).matched));
}

for (const bit of bits) {
  const [name = ""] = featureNames(bit);
  const uses = usesOf(bit);
  if (uses.length === 0) continue;
  if (bit & indexFeatures) {
    test(`without ${name}: rows decide as with it`, () => {
      const before = lacking();
      const [having, without] = [0, bit].map((lacks) => {
        using _link = guard.attach(hook(lacks));
        return uses.map(outcomes);
      });
      assert.deepEqual(without, having);
      assert.equal(lacking(), before);
    });
    continue;
  }
  test(`without ${name}: filters that need it are decided for the safe side, and counted`, () => {
    using _link = guard.attach(hook(bit));
    for (const use of uses) {
      const before = lacking();
      const what = `${use.filter.op} of ${use.slots.map(({ type }) => type)}`;
      assert.deepEqual(outcomes(use), [1, 1, 0, 0], what);
      assert.ok(lacking() > before, what);
    }
  });
}

/** Whether the call of a process of its own ends by a signal, with this verdict; and what was counted. */
function act(lacks: number, verdict: Omit<Verdict, "counter">) {
  const at = counter++;
  const filters: Filter[] = [{ op: "ROW_EQUAL", slot: 0, values: [724] }];
  const slots: Slot[] = [{ type: "VALUE_U64", raw: 1 }];
  tables.guard(
    1,
    [{ id: 1, args: [0], selectors: [{ filters, verdict: { ...verdict, counter: at } }] }],
    { slots },
  );
  using _link = guard.attach(hook(lacks));
  const before = lacking();
  const { signal } = spawnSync(scenes, ["truncate-when-told", file, "724"], { input: "x" });
  return { signal, lacking: lacking() - before, counts: tables.read("counts", at) };
}

test("every action that needs a feature is here", () => {
  const needing = [...actionFeatures].filter(([, needed]) => needed !== 0).map(([bit]) => bit);
  assert.deepEqual(
    needing.sort(),
    ["MARK_CALL", "UNMARK_CALL", "TRACK_SOCK", "UNTRACK_SOCK", "SET", "HASH"]
      .map((name) => flag(`ACTION_${name}`))
      .sort(),
  );
});

test("a call that can't be marked for enforcers: its process is killed", () => {
  const actions = ["ACTION_MARK_CALL"];
  const mark = (1n << BigInt(flag("MARK_POLICY_SHIFT"))) | 9n;
  assert.equal(act(0, { actions, mark }).signal, null);
  assert.deepEqual(
    (({ signal, lacking }) => ({ signal, lacking }))(act(feature.FEATURE_MARKS, { actions, mark })),
    { signal: "SIGKILL", lacking: 1 },
  );
});

test("marks that can't be removed, sockets whose process can't be kept, values that can't be set and hashes that can't be made are counted", () => {
  for (const [lacks, action] of [
    [feature.FEATURE_MARKS, "ACTION_UNMARK_CALL"],
    [feature.FEATURE_OWNERS, "ACTION_TRACK_SOCK"],
    [feature.FEATURE_OWNERS, "ACTION_UNTRACK_SOCK"],
    [feature.FEATURE_WRITES, "ACTION_SET"],
    [feature.FEATURE_HASH, "ACTION_HASH"],
  ] as const) {
    assert.equal(act(lacks, { actions: [action] }).lacking, 1, action);
    assert.equal(act(0, { actions: [action] }).lacking, 0, action);
  }
});

test("registers that can't be changed are counted", () => {
  const changing = { actions: ["ACTION_DENY"], nassignments: 1 };
  const without = act(feature.FEATURE_REGISTERS, changing);
  assert.deepEqual([without.lacking, without.counts.enforce_failed], [1, 1n]);
  // In the kernel no program has what it takes.
  const having = act(0, changing);
  assert.deepEqual(
    [having.lacking, having.counts.enforce_failed, having.counts.denied],
    [0, 1n, 0n],
  );
});

test("events that can't be limited are all reported", () => {
  const limited = {
    actions: ["ACTION_POST"],
    rate_scope: flag("RATE_GLOBAL"),
    rate_window_ns: 3_600_000_000_000n,
  };
  const { lacking, counts } = act(feature.FEATURE_RATES, limited);
  assert.deepEqual([lacking, counts.emitted], [1, 1n]);
});

test("what no policy uses is not missed: a hook with numbers alone", () => {
  const { lacking, counts } = act(allFeatures, { actions: ["ACTION_POST"] });
  assert.deepEqual([lacking, counts.emitted], [0, 1n]);
});
